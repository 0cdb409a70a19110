//! The server's own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use telemetry_delivery::Clock;

/// A clock that can be set ahead of the one it was given. Clones move together.
#[derive(Debug, Clone)]
pub(crate) struct ServerClock {
    inner: Arc<dyn Clock>,
    ahead_nanos: Arc<AtomicU64>,
}

impl ServerClock {
    pub(crate) fn new(inner: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            ahead_nanos: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        let ahead = Duration::from_nanos(self.ahead_nanos.load(Ordering::Relaxed));
        self.inner.now() + ahead
    }

    /// Moves the time forward, by 584 years in all at most.
    pub(crate) fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let add = |ahead: u64| Some(ahead.saturating_add(nanos));
        // The closure always gives a value, so there is nothing to report.
        let _ = self
            .ahead_nanos
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}
