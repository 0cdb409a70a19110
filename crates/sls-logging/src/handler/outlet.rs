use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use telemetry_delivery::batch::{
    Batcher, Guard, Lane, LaneConfig, Receipt, Rejected, Report, Stats, TooManyLanes,
};

/// Where encoded logs go. Object safe, so that a handler does not show what it sends with.
pub(crate) trait Outlet: Send + Sync + 'static {
    /// Takes the bytes of one log; what it cannot take it counts.
    fn append(&self, lane: Lane, log: &[u8]);

    /// The same for the handler's own records, from the engine's thread; what finds no room is
    /// not counted.
    fn append_notice(&self, lane: Lane, log: &[u8]) -> Result<Receipt, Rejected>;

    /// The lane of this name.
    fn lane(&self, config: LaneConfig) -> Result<Lane, TooManyLanes>;

    /// See [`Handler::flush`](super::Handler::flush).
    fn flush(&self, within: Duration) -> bool;

    /// Ends it; a second time there is nothing to do.
    fn close(&self, within: Duration) -> Report;

    /// What was done so far.
    fn stats(&self) -> Stats;
}

const _: fn(&dyn Outlet) = |_| {};

/// The batching engine.
#[derive(Debug)]
pub(crate) struct Queue {
    batcher: Batcher,
    guard: Mutex<Option<Guard>>,
}

impl Queue {
    pub(crate) const fn new(batcher: Batcher, guard: Guard) -> Self {
        Self {
            batcher,
            guard: Mutex::new(Some(guard)),
        }
    }
}

impl Outlet for Queue {
    #[inline]
    fn append(&self, lane: Lane, log: &[u8]) {
        // What is not taken has been counted, with the reason.
        let _ = self.batcher.append(lane, log);
    }

    fn append_notice(&self, lane: Lane, log: &[u8]) -> Result<Receipt, Rejected> {
        self.batcher.append_notice(lane, log)
    }

    fn lane(&self, config: LaneConfig) -> Result<Lane, TooManyLanes> {
        self.batcher.lane(config)
    }

    fn flush(&self, within: Duration) -> bool {
        self.batcher.flush_blocking(within).is_ok()
    }

    fn close(&self, within: Duration) -> Report {
        let guard = {
            let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
            guard.take()
        };
        match guard {
            Some(guard) => guard.close_blocking(within),
            None => {
                // A process that was forked off since has an engine of its own.
                let _ = self.batcher.flush_blocking(within);
                let mut report = Report::default();
                report.total = self.stats();
                report
            }
        }
    }

    fn stats(&self) -> Stats {
        self.batcher.stats()
    }
}
