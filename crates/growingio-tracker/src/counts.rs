use std::sync::atomic::{AtomicU64, Ordering};

/// What has become of messages since the tracker was built.
///
/// `tracked` is `delivered + dead_lettered + dropped + spooled` and what still waits.
/// `failed` is beside it: these calls returned an error and their messages were not taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Messages that were taken, by a call that returned success or said that they are kept;
    /// and those that were read from the spool of an earlier process.
    pub tracked: u64,
    /// Messages that the collector accepted.
    pub delivered: u64,
    /// Messages that were given up with a reason and handed to the dead letter handler.
    pub dead_lettered: u64,
    /// Messages that a stated policy gave up: the buffer was full, or a close had no time left.
    pub dropped: u64,
    /// Messages that are in the spool, to be sent by the next run.
    pub spooled: u64,
    /// Calls that returned an error without taking the message.
    pub failed: u64,
    /// Requests that were sent, repetitions included.
    pub requests: u64,
    /// Requests that were repetitions.
    pub retried: u64,
}

impl Counts {
    /// Messages that wait to be sent.
    pub fn waiting(&self) -> u64 {
        let settled = self.delivered + self.dead_lettered + self.dropped + self.spooled;
        self.tracked.saturating_sub(settled)
    }
}

/// Counts as they grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    tracked: AtomicU64,
    delivered: AtomicU64,
    dead_lettered: AtomicU64,
    dropped: AtomicU64,
    spooled: AtomicU64,
    failed: AtomicU64,
    requests: AtomicU64,
    retried: AtomicU64,
}

// Numbers to be read, nothing is ordered by them.
const ORDER: Ordering = Ordering::Relaxed;

impl Counters {
    pub(crate) fn tracked(&self, messages: u64) {
        self.tracked.fetch_add(messages, ORDER);
    }

    pub(crate) fn delivered(&self, messages: u64) {
        self.delivered.fetch_add(messages, ORDER);
    }

    pub(crate) fn dead_lettered(&self, messages: u64) {
        self.dead_lettered.fetch_add(messages, ORDER);
    }

    pub(crate) fn dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, ORDER);
    }

    pub(crate) fn spooled(&self, messages: u64) {
        self.spooled.fetch_add(messages, ORDER);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, ORDER);
    }

    /// One request that was sent so many times.
    pub(crate) fn requests(&self, attempts: u32) {
        self.requests.fetch_add(u64::from(attempts), ORDER);
        let retried = u64::from(attempts.saturating_sub(1));
        self.retried.fetch_add(retried, ORDER);
    }

    pub(crate) fn now(&self) -> Counts {
        // What is settled is read before what was tracked, so that `waiting` is never too small.
        let delivered = self.delivered.load(ORDER);
        let dead_lettered = self.dead_lettered.load(ORDER);
        let dropped = self.dropped.load(ORDER);
        let spooled = self.spooled.load(ORDER);
        Counts {
            tracked: self.tracked.load(ORDER),
            delivered,
            dead_lettered,
            dropped,
            spooled,
            failed: self.failed.load(ORDER),
            requests: self.requests.load(ORDER),
            retried: self.retried.load(ORDER),
        }
    }
}
