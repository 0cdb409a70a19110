//! What a collector has decoded, one line each.

use std::fmt::Write as _;
use std::sync::Arc;

use growingio_tracker::Attributes;
use sls_local::{CollectedEvent, CollectedRecord};

/// A table with a head.
pub(crate) fn table(events: &[Arc<CollectedEvent>]) -> String {
    let mut table = format!(
        "{:>7}  {:21}  {:18}  {:32}  attributes",
        "request", "kind", "name", "identity"
    );
    for event in events {
        let (name, identity, attributes) = match &event.record {
            CollectedRecord::Event(record) => {
                let ids = [
                    &record.anonymous_id,
                    &record.login_user_key,
                    &record.login_user_id,
                ];
                let ids = ids.iter().filter_map(|id| id.as_deref());
                let name = record.event_name.as_deref().unwrap_or("-");
                (
                    name.to_owned(),
                    ids.collect::<Vec<_>>().join(" "),
                    told(Some(&record.attributes)),
                )
            }
            CollectedRecord::Item(item) => {
                let ids = [&item.item_key, &item.item_id];
                let ids = ids.iter().filter_map(|id| id.as_deref());
                (
                    ids.collect::<Vec<_>>().join(" "),
                    "-".to_owned(),
                    told(item.attributes.as_ref()),
                )
            }
            _ => ("-".to_owned(), "-".to_owned(), String::new()),
        };
        let _ = write!(
            table,
            "\n{:>7}  {:21}  {name:18}  {identity:32}  {attributes}",
            event.request,
            event.kind()
        );
    }
    table
}

fn told(attributes: Option<&Attributes<'_>>) -> String {
    let pairs = attributes.into_iter().flatten();
    let pairs = pairs.map(|(key, value)| format!("{key}={}", value.to_text().unwrap_or_default()));
    pairs.collect::<Vec<_>>().join(" ")
}
