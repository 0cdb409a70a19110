//! The end of a batcher.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::batcher::Batcher;
use super::engine::{Engine, deadline_in};
use super::signal::Latch;
use super::stats::Report;

/// Ends its batcher: dropping it closes, with the time that
/// [`with_close_deadline`](super::BatchConfig::with_close_deadline) gives.
///
/// Keep it in `main` for as long as the program runs.
#[must_use = "dropping the guard closes the batcher"]
pub struct Guard {
    batcher: Batcher,
    closed: bool,
}

impl Guard {
    pub(super) fn new(batcher: Batcher) -> Self {
        Self {
            batcher,
            closed: false,
        }
    }

    /// Stops taking items, delivers what is here for at most `timeout`, drops the rest, and tells
    /// what became of it.
    ///
    /// It is over in time whatever the sink does. In a process that was forked off and has
    /// appended nothing there is nothing to do. Needs no certain runtime.
    ///
    /// # Cancel safety
    /// Safe: closing goes on, only its report is lost.
    pub async fn close(mut self, timeout: Duration) -> Report {
        self.closed = true;
        let Some(engine) = self.batcher.existing().cloned() else {
            return self.without_engine();
        };
        let deadline = deadline_in(timeout);
        let done = Arc::new(Latch::default());
        let report = Arc::new(std::sync::Mutex::new(Report::default()));
        // A thread of its own, since neither the worker nor the caller's runtime is sure to be
        // able to keep the time: a sink may block the one, and the other may not exist.
        let waiting = thread::Builder::new().name("delivery-close".to_owned());
        let spawned = waiting.spawn({
            let (engine, done, report) =
                (Arc::clone(&engine), Arc::clone(&done), Arc::clone(&report));
            move || {
                let closed = engine.close(deadline);
                *unpoisoned(&report) = closed;
                done.set();
            }
        });
        if spawned.is_err() {
            return engine.close(deadline);
        }
        std::future::poll_fn(|context| done.poll(context)).await;
        unpoisoned(&report).clone()
    }

    /// The same, blocking the thread.
    ///
    /// On the engine's own thread, say in a callback, nothing is delivered any more.
    pub fn close_blocking(mut self, timeout: Duration) -> Report {
        self.closed = true;
        self.close_now(timeout)
    }

    /// The batcher that this ends.
    pub fn batcher(&self) -> &Batcher {
        &self.batcher
    }

    fn close_now(&self, timeout: Duration) -> Report {
        self.batcher
            .existing()
            .map(|engine: &Arc<Engine>| engine.close(deadline_in(timeout)))
            .unwrap_or_else(|| self.without_engine())
    }

    fn without_engine(&self) -> Report {
        Report {
            total: self.batcher.stats(),
            ..Report::default()
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.closed {
            self.close_now(self.batcher.config().close_deadline());
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

fn unpoisoned<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
