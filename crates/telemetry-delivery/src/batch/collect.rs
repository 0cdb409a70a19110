//! A sink that keeps what it is given.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sink::{Delivery, Sealed, Sink};

/// Keeps delivered items in memory and answers as it is told to, for tests.
///
/// Clones share what was delivered.
///
/// ```
/// # #[cfg(feature = "test-util")] {
/// use std::time::Duration;
/// use telemetry_delivery::batch::{BatchConfig, Batcher, Collect, Delivery, LaneConfig};
///
/// // Busy at first.
/// let sink = Collect::answering(|batch| match batch.attempt() {
///     1 => Delivery::again("busy"),
///     _ => Delivery::Delivered,
/// });
/// let made = sink.clone();
/// let (batcher, guard) = Batcher::start(BatchConfig::default(), move || made.clone())?;
/// let lane = batcher.lane(LaneConfig::new("events"))?;
/// batcher.append(lane, b"one")?;
/// guard.close_blocking(Duration::from_secs(30));
/// assert_eq!(sink.items(), [b"one"]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Collect {
    shared: Arc<Shared>,
}

struct Shared {
    answer: Box<dyn Fn(&Sealed) -> Delivery + Send + Sync>,
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    batches: Vec<Vec<Vec<u8>>>,
    attempts: usize,
}

impl Default for Collect {
    fn default() -> Self {
        Self::new()
    }
}

impl Collect {
    /// Takes everything.
    #[must_use]
    pub fn new() -> Self {
        Self::answering(|_| Delivery::Delivered)
    }

    /// Answers each attempt as `answer` says and keeps what is delivered.
    #[must_use]
    pub fn answering(answer: impl Fn(&Sealed) -> Delivery + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                answer: Box::new(answer),
                kept: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// The items that were delivered, batch by batch.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<Vec<u8>>> {
        self.kept().batches.clone()
    }

    /// The items that were delivered, in that order.
    #[must_use]
    pub fn items(&self) -> Vec<Vec<u8>> {
        self.kept().batches.concat()
    }

    /// How many attempts were made.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.kept().attempts
    }

    /// Blocks until `count` attempts were made, at most for `timeout`; says whether they were.
    #[must_use]
    pub fn wait_for_attempts(&self, count: usize, timeout: Duration) -> bool {
        let kept = self.kept();
        let (_kept, waited) = self
            .shared
            .changed
            .wait_timeout_while(kept, timeout, |kept| kept.attempts < count)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    /// Blocks until `count` items were delivered, at most for `timeout`; says whether they were.
    #[must_use]
    pub fn wait_for_items(&self, count: usize, timeout: Duration) -> bool {
        let kept = self.kept();
        let (_kept, waited) = self
            .shared
            .changed
            .wait_timeout_while(kept, timeout, |kept| {
                kept.batches.iter().map(Vec::len).sum::<usize>() < count
            })
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Collect {
    async fn deliver(&self, batch: &Sealed) -> Delivery {
        self.kept().attempts += 1;
        self.shared.changed.notify_all();
        let delivery = (self.shared.answer)(batch);
        if delivery == Delivery::Delivered {
            let items = batch.items().map(<[u8]>::to_vec).collect();
            self.kept().batches.push(items);
            self.shared.changed.notify_all();
        }
        delivery
    }
}

impl fmt::Debug for Collect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        f.debug_struct("Collect")
            .field("batches", &kept.batches.len())
            .field("attempts", &kept.attempts)
            .finish_non_exhaustive()
    }
}
