//! What the worker is asked for, and when it is to wake somebody.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Poll, Waker};

use tokio::time::Instant;

use super::engine::Engine;
use super::fork;
use super::sync::lock;

/// What the worker is asked for.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) quit: bool,
    /// Forget pauses once.
    pub(super) hurry: bool,
    /// By time, and by number where several are due at once.
    pub(super) timers: BTreeMap<(Instant, u64), Waker>,
    next_timer: u64,
}

/// Has the worker wake a task at a certain time, for as long as it lives.
pub(super) struct Timer<'a> {
    engine: &'a Engine,
    at: Instant,
    number: Option<u64>,
    epoch: u64,
}

impl<'a> Timer<'a> {
    pub(super) fn new(engine: &'a Engine, at: Instant) -> Self {
        Self {
            engine,
            at,
            number: None,
            epoch: fork::epoch(),
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// Has `waker` called, in place of the one before.
    pub(super) fn set(&mut self, waker: &Waker) {
        let mut control = lock(&self.engine.control);
        let is_new = self.number.is_none();
        let number = *self.number.get_or_insert_with(|| {
            control.next_timer += 1;
            control.next_timer
        });
        let before = control.timers.insert((self.at, number), waker.clone());
        drop(control);
        // Not under the lock.
        drop(before);
        if is_new {
            self.engine.wake();
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        // The lock may be held for ever in a copy of this process.
        if self.epoch != fork::epoch() {
            return;
        }
        if let Some(number) = self.number {
            let waker = lock(&self.engine.control).timers.remove(&(self.at, number));
            drop(waker);
        }
    }
}

impl Engine {
    /// Gives what `future` gives before `deadline`, which the worker watches.
    pub(super) async fn before<F: Future>(
        &self,
        deadline: Option<Instant>,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut timer = deadline.map(|at| Timer::new(self, at));
        std::future::poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if let Some(timer) = &mut timer {
                if Instant::now() >= timer.at() {
                    return Poll::Ready(None);
                }
                timer.set(context.waker());
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::future::{Future, pending};
    use std::sync::Arc;
    use std::task::Context;
    use std::time::Duration;

    use super::super::config::BatchConfig;
    use super::super::engine::deadline_in;
    use super::*;

    #[test]
    fn a_wait_that_is_given_up_leaves_no_timer_behind() {
        let engine = Engine::new(1, Arc::new(BatchConfig::default()), None);
        let hour = deadline_in(Duration::from_secs(3600));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            let mut waiting = Box::pin(engine.before(hour, pending::<()>()));
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert_eq!(lock(&engine.control).timers.len(), 1);
        }
        assert!(lock(&engine.control).timers.is_empty());
    }
}
