//! Everything comes to an end: of what is here now, and for good.

use std::sync::Arc;

use tokio::time::Instant;

use super::drops::DropReason;
use super::engine::Engine;
use super::receipt::Outcome;
use super::signal::{Latch, set_all, wake_all};
use super::stats::Report;
use super::sync::{Ordering, lock};

impl Engine {
    /// Seals everything; set when all of it has come to an end, what has moved to disk for want of
    /// room included.
    pub(super) fn barrier(&self) -> Arc<Latch> {
        self.sweep(true, false);
        let barrier = self.barrier_behind_sealed();
        self.wake();
        barrier
    }

    fn barrier_behind_sealed(&self) -> Arc<Latch> {
        let mut backlog = lock(&self.backlog);
        let barrier = backlog.barrier(&self.lanes);
        let reached = backlog.take_reached();
        drop(backlog);
        set_all(reached);
        barrier
    }

    /// Ends everything: what is not done with by `deadline` is dropped.
    pub(super) fn close(&self, deadline: Option<Instant>) -> Report {
        let first = !self.closed.swap(true, Ordering::SeqCst);
        self.lanes.close();
        let before = self.stats();
        self.sweep(true, true);
        self.leave_on_disk();
        let barrier = self.barrier_behind_sealed();
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
        self.end_all();
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

    /// There is no worker, or there is none any more: nothing is taken from now on, and nobody
    /// waits for it in vain.
    pub(super) fn give_up(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.lanes.close();
        self.sweep(true, true);
        self.leave_on_disk();
        self.end_all();
        let timers = std::mem::take(&mut lock(&self.control).timers);
        wake_all(timers.into_values());
        self.gone.set();
    }

    /// Ends every batch that is left. None can come after it: the buffers are closed, and what is
    /// on disk is not read any more.
    fn end_all(&self) {
        let mut backlog = lock(&self.backlog);
        backlog.absorb(&self.lanes);
        let (entries, reached) = backlog.end();
        // All under one lock: parts of a batch that is cut meanwhile would be nobody's.
        let ended: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let outcome = match entry.stored.is_empty() {
                    true => Outcome::Dropped(DropReason::ShutDown),
                    false => Outcome::Spooled,
                };
                self.settle(entry, &outcome)
            })
            .collect();
        drop(backlog);
        for ended in ended {
            // What is on disk stays there.
            self.release(ended, None);
        }
        set_all(reached);
    }

    /// What is on disk only is not waited for any more.
    fn leave_on_disk(&self) {
        #[cfg(feature = "spool")]
        {
            let mut backlog = lock(&self.backlog);
            backlog.nothing_comes_back();
            let reached = backlog.take_reached();
            drop(backlog);
            set_all(reached);
        }
    }

    /// Whether nothing is taken any more.
    #[cfg(feature = "spool")]
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
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
