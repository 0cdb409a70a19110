//! Callers, and events that can be told apart.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use growingio_tracker::{Error, Identity, Tracker};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::ledger::ID;

/// How many call at once.
const CALLERS: u64 = 4;

/// How much is tracked, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) lasts: Duration,
    /// Calls that each caller makes in a second, if they end in time.
    pub(crate) per_second: u32,
    /// One in so many is an event that the collector refuses.
    pub(crate) bad_one_in: Option<u64>,
}

/// What the callers have seen.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) made: u64,
    /// The numbers of the events that were taken.
    pub(crate) taken: HashSet<u64>,
    /// Calls that took no message and said so.
    pub(crate) refused: u64,
}

impl Load {
    /// Makes the calls.
    pub(crate) async fn run(self, tracker: &Tracker) -> Calls {
        let calls = Arc::new(Mutex::new(Calls::default()));
        let numbers = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let caller = self.call(tracker.clone(), Arc::clone(&numbers), Arc::clone(&calls));
            callers.spawn(caller);
        }
        while callers.join_next().await.is_some() {}
        std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn call(self, tracker: Tracker, numbers: Arc<AtomicU64>, calls: Arc<Mutex<Calls>>) {
        let mut turns = interval(Duration::from_secs(1) / self.per_second);
        // A call that took long is not made up for.
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        while began.elapsed() < self.lasts {
            turns.tick().await;
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            let is_bad = self.bad_one_in.is_some_and(|every| number % every == 0);
            let identity = if is_bad {
                // The collector wants to know whom it is about.
                Identity::default()
            } else {
                Identity::anonymous("device")
            };
            let outcome = tracker
                .track_custom_event("suite", identity, [(ID, number)])
                .await;
            let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.made += 1;
            if outcome.as_ref().err().is_none_or(Error::is_taken) {
                calls.taken.insert(number);
            } else {
                calls.refused += 1;
            }
        }
    }
}
