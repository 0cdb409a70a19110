//! Answers about what was collected, a page at a time.

use serde_json::{Value, json};

use super::{Collector, json as shown};
use crate::refusal::Refusal;

/// How many entries a page has unless told otherwise; also the most.
const MAX_ENTRIES: usize = 1000;
/// A page ends after the entry that passes this many bytes.
const MAX_BYTES: usize = 8 << 20;

/// Which events are asked for.
#[derive(Debug, Default)]
pub(crate) struct EventFilter<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

/// Which page of them.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// How many entries to pass over.
    pub(crate) offset: usize,
    pub(crate) limit: Option<usize>,
}

impl Collector {
    /// `{"total": 2, "next": null, "events": [..]}`
    pub(crate) fn list_events(
        &self,
        filter: &EventFilter<'_>,
        page: &Page,
    ) -> Result<Value, Refusal> {
        let same = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        let kind = |found: &str| {
            filter
                .kind
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        let mut events = self.store.events();
        events.retain(|event| {
            same(filter.project, &event.product_id)
                && kind(event.kind())
                && same(filter.name, event.name().unwrap_or_default())
        });
        let (entries, next) = page.of(&events, |event| shown::of_event(event))?;
        Ok(json!({"total": events.len(), "next": next, "events": entries}))
    }

    /// `{"total": 2, "next": null, "requests": [..]}`
    pub(crate) fn list_requests(&self, page: &Page) -> Result<Value, Refusal> {
        let requests = self.store.requests();
        let (entries, next) = page.of(&requests, |request| shown::of_request(request))?;
        Ok(json!({"total": requests.len(), "next": next, "requests": entries}))
    }
}

impl Page {
    /// The entries of the page, and where the next one begins if there is one.
    fn of<T>(
        &self,
        all: &[T],
        show: impl Fn(&T) -> Value,
    ) -> Result<(Vec<Value>, Option<usize>), Refusal> {
        let limit = self.limit.unwrap_or(MAX_ENTRIES);
        if !(1..=MAX_ENTRIES).contains(&limit) {
            let message = format!("limit must be 1 to {MAX_ENTRIES}");
            return Err(Refusal::parameter(message));
        }
        let mut entries = Vec::new();
        let mut bytes = 0;
        for one in all.iter().skip(self.offset).take(limit) {
            let shown = show(one);
            bytes += shown.to_string().len();
            entries.push(shown);
            if bytes > MAX_BYTES {
                break;
            }
        }
        let end = self.offset.saturating_add(entries.len());
        Ok((entries, (end < all.len()).then_some(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_end_at_the_limit_or_when_they_are_large() {
        let all = ["x".repeat(MAX_BYTES / 2), "y".to_owned(), "z".to_owned()];
        let show = |text: &String| Value::from(text.as_str());
        let page = |offset, limit| {
            let (entries, next) = Page { offset, limit }.of(&all, show).unwrap();
            (entries.len(), next)
        };
        assert_eq!(page(0, None), (3, None));
        assert_eq!(page(0, Some(2)), (2, Some(2)));
        assert_eq!(page(2, Some(2)), (1, None));
        assert_eq!(page(usize::MAX, None), (0, None));
        let twice = [all[0].clone(), all[0].clone(), all[1].clone()];
        let (entries, next) = Page::default().of(&twice, show).unwrap();
        assert_eq!((entries.len(), next), (2, Some(2)));
        let none = Page {
            limit: Some(0),
            ..Page::default()
        };
        assert!(none.of(&all, show).is_err());
    }
}
