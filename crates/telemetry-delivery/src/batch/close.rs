//! Everything comes to an end: of what is here now, and for good.

use std::sync::Arc;

use tokio::time::Instant;

use super::backlog::Key;
use super::drops::DropReason;
use super::engine::Engine;
use super::receipt::Outcome;
use super::signal::Latch;
use super::stats::Report;
use super::sync::{Ordering, lock};

impl Engine {
    /// Seals everything; set when all of it has come to an end.
    pub(super) fn barrier(&self) -> Arc<Latch> {
        self.sweep(true, false);
        let barrier = lock(&self.backlog).barrier(&self.lanes);
        self.wake();
        barrier
    }

    /// Ends everything: what is not done with by `deadline` is dropped.
    pub(super) fn close(&self, deadline: Option<Instant>) -> Report {
        let first = !self.closed.swap(true, Ordering::SeqCst);
        self.lanes.close();
        let before = self.stats();
        self.sweep(true, true);
        let barrier = lock(&self.backlog).barrier(&self.lanes);
        lock(&self.control).hurry = first;
        let stored = self.ask_to_store();
        self.wake();
        // The worker cannot wait for itself.
        let on_worker = super::reentry::is_worker_of(self.id);
        if !on_worker {
            barrier.wait_until(deadline);
            // What is left goes to disk, also when there was no time to deliver it.
            if let Some(stored) = stored {
                stored.wait_until(self.config.time_to_store(deadline));
            }
        }
        for (key, is_stored) in self.unfinished() {
            let outcome = if is_stored {
                Outcome::Spooled
            } else {
                Outcome::Dropped(DropReason::ShutDown)
            };
            self.finish(key, None, &outcome);
        }
        lock(&self.control).quit = true;
        self.wake();
        if !on_worker {
            self.gone.wait_until(self.config.time_to_store(deadline));
        }
        let total = self.stats();
        Report {
            delivered: total.delivered - before.delivered,
            spooled: total.spooled,
            dead_lettered: total.dead_lettered - before.dead_lettered,
            dropped: total.lost - before.lost,
            total,
        }
    }

    /// Takes nothing from the start on, for want of a worker.
    pub(super) fn give_up(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.lanes.close();
        self.sweep(true, true);
        self.gone.set();
    }

    /// Whether nothing is taken any more.
    #[cfg(feature = "spool")]
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// What is left, and whether it is on disk.
    fn unfinished(&self) -> Vec<(Key, bool)> {
        let mut backlog = lock(&self.backlog);
        backlog.absorb(&self.lanes);
        backlog.keys()
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::super::append::Caller;
    use super::super::config::BatchConfig;
    use super::super::lane::LaneConfig;
    use super::*;

    #[test]
    fn flushes_that_are_given_up_leave_nothing_behind() {
        let engine = Engine::new(1, Arc::new(BatchConfig::default()), None);
        let lane = engine.register(LaneConfig::new("lane")).unwrap();
        engine
            .try_append::<()>(lane, b"item", Caller::Anybody)
            .unwrap();
        for _ in 0..100 {
            drop(engine.barrier());
        }
        assert!(lock(&engine.backlog).barriers() <= 2);
    }
}
