//! A handler whose records stay here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use sls_core::model::LogGroup;
use sls_core::service::LogSink;
use sls_core::wire::{EncodedGroup, GroupView};
use telemetry_delivery::Clock;

use super::{Handler, HandlerGuard};
use crate::format::RecordFormat;
use crate::level::Level;

/// What was shipped.
#[derive(Debug)]
pub(crate) struct Shipped {
    handler: Handler,
    _guard: HandlerGuard,
    groups: Kept,
}

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogGroup>>>);

impl LogSink for Kept {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), sls_core::Error> {
        let group = GroupView::parse(group.as_bytes()).unwrap().to_owned();
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.push(group);
        Ok(())
    }
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> std::time::SystemTime {
        UNIX_EPOCH + Duration::new(1_700_000_000, 5)
    }
}

/// A handler of this format and level, and what it shipped.
pub(crate) fn handler(format: RecordFormat, level: Level) -> (Handler, Shipped) {
    let groups = Kept::default();
    let made = groups.clone();
    let (handler, guard) = Handler::builder()
        .format(format)
        .level(level)
        .clock(Noon)
        .topic("tests")
        .build_with(move || made.clone())
        .unwrap();
    let shipped = Shipped {
        handler: handler.clone(),
        _guard: guard,
        groups,
    };
    (handler, shipped)
}

impl Shipped {
    /// All records in order, each as its pairs in order.
    pub(crate) fn records(&self) -> Vec<Vec<(String, String)>> {
        assert!(self.handler.flush(Duration::from_secs(30)));
        let groups = self.groups.0.lock().unwrap();
        let logs = groups.iter().flat_map(|group| &group.logs);
        logs.map(|log| {
            assert_eq!((log.time, log.time_ns), (1_700_000_000, Some(5)));
            let contents = log.contents.iter();
            let pairs = contents.map(|pair| (pair.key.to_string(), pair.value.to_string()));
            pairs.collect()
        })
        .collect()
    }

    /// The only record's fields but those named, in order.
    #[track_caller]
    pub(crate) fn only_without(&self, left_out: &[&str]) -> Vec<(String, String)> {
        let mut records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        let mut pairs = records.remove(0);
        pairs.retain(|(key, _)| !left_out.contains(&key.as_str()));
        pairs
    }

    /// What the only record has under `key`.
    #[cfg(feature = "tracing")]
    #[track_caller]
    pub(crate) fn only(&self, key: &str) -> Option<String> {
        let mut pairs = self.only_without(&[]);
        pairs.retain(|(name, _)| name == key);
        assert!(pairs.len() <= 1, "{pairs:?}");
        pairs.pop().map(|(_, value)| value)
    }
}

/// Pairs that own their texts.
pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
