//! A handler whose records stay here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use sls_core::wire::GroupView;
use telemetry_delivery::Clock;

use super::outlet::{Lane, Outlet};
use super::{Core, Handler};
use crate::encoder::RecordEncoder;
use crate::format::RecordFormat;
use crate::level::Level;

/// What was shipped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shipped {
    logs: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) forks: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> std::time::SystemTime {
        UNIX_EPOCH + Duration::new(1_700_000_000, 5)
    }
}

impl Outlet for Shipped {
    fn append(&self, _: Lane, log: &[u8]) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.push(log.to_vec());
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }

    fn forks(&self) -> u64 {
        self.forks.load(Ordering::Relaxed)
    }
}

/// A handler of this format and level, and what it shipped.
pub(crate) fn handler(format: RecordFormat, level: Level) -> (Handler, Shipped) {
    let shipped = Shipped::default();
    let core = Core {
        encoder: RecordEncoder::new(format).unwrap(),
        level,
        clock: Arc::new(Noon),
        close_wait: Duration::ZERO,
        outlet: Box::new(shipped.clone()),
        skipped: AtomicU64::new(0),
        shadowed: AtomicU64::new(0),
    };
    let handler = Handler {
        core: Arc::new(core),
        lane: Lane(0),
    };
    (handler, shipped)
}

impl Shipped {
    /// All records in order, each as its pairs in order.
    pub(crate) fn records(&self) -> Vec<Vec<(String, String)>> {
        let logs = self.logs.lock().unwrap();
        logs.iter()
            .map(|log| {
                let group = GroupView::parse(log).unwrap();
                assert_eq!(group.log_count(), 1);
                let log = group.logs().next().unwrap();
                log.contents()
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect()
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
