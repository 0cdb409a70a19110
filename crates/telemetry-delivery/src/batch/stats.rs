//! Counts, for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::drops::{DropCounters, Drops};

/// What a batcher has done so far in this process, and what it holds.
///
/// Of the items that were taken in, `accepted = delivered + spooled + dead_lettered + lost +
/// in_memory_items`, up to what changes while it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes in memory: filling, sealed and in flight, with some in advance for the next items.
    pub in_memory_bytes: u64,
    /// Items in memory.
    pub in_memory_items: u64,
    /// Items that were taken in, those that earlier processes left on disk included once they are
    /// read.
    pub accepted: u64,
    /// Items that earlier processes left on disk and that were read.
    pub recovered: u64,
    /// Items that the other side has.
    pub delivered: u64,
    /// Items that are on disk only: moved there for want of room, or left there by closing. Left-overs
    /// of earlier processes count from when they are read.
    pub spooled: u64,
    /// Items that went to the dead letters.
    pub dead_lettered: u64,
    /// Items that were taken in and dropped later; they are among `dropped`.
    pub lost: u64,
    /// Items that were dropped, whether or not they had been taken in.
    pub dropped: Drops,
    /// Batches that the other side has.
    pub batches: u64,
    /// Attempts at batches.
    pub attempts: u64,
    /// Items in attempts after a first one.
    pub retried: u64,
    /// Refusals for load.
    pub throttled: u64,
    /// Batches that were cut in two.
    pub splits: u64,
    /// Panics of the sink and of callbacks.
    pub panics: u64,
    /// Lanes that are registered; one is never forgotten, and
    /// [`with_max_lanes`](super::BatchConfig::with_max_lanes) limits them.
    pub lanes: u64,
    /// When the other side last took a batch.
    pub last_success: Option<SystemTime>,
    /// When an attempt last failed, and what it said.
    pub last_error: Option<(SystemTime, Arc<str>)>,
}

/// What became of the items that were still here when closing began, on disk included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The other side has them.
    pub delivered: u64,
    /// They are on disk only, for the next start: those that this process appended and did not
    /// deliver, also when they moved there long before closing, and left-overs of earlier processes
    /// that it had read. Left-overs that it had not read are not counted by it. The same number as
    /// `total.spooled`.
    pub spooled: u64,
    /// The dead letters have them.
    pub dead_lettered: u64,
    /// They are gone.
    pub dropped: u64,
    /// Everything from the start on.
    pub total: Stats,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) recovered: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) spooled: AtomicU64,
    pub(super) dead_lettered: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) dropped: DropCounters,
    pub(super) batches: AtomicU64,
    pub(super) attempts: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) splits: AtomicU64,
    pub(super) panics: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    success: Option<SystemTime>,
    error: Option<(SystemTime, Arc<str>)>,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    #[cfg(feature = "spool")]
    pub(super) fn sub(counter: &AtomicU64, count: u64) {
        counter.fetch_sub(count, Ordering::Relaxed);
    }

    pub(super) fn succeeded(&self, at: SystemTime) {
        self.last().success = Some(at);
    }

    pub(super) fn failed(&self, at: SystemTime, cause: &Arc<str>) {
        self.last().error = Some((at, Arc::clone(cause)));
    }

    /// All but what is in memory, and the lanes.
    pub(super) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let last = self.last();
        Stats {
            in_memory_bytes: 0,
            in_memory_items: 0,
            accepted: read(&self.accepted),
            recovered: read(&self.recovered),
            delivered: read(&self.delivered),
            spooled: read(&self.spooled),
            dead_lettered: read(&self.dead_lettered),
            lost: read(&self.lost),
            dropped: self.dropped.read(),
            batches: read(&self.batches),
            attempts: read(&self.attempts),
            retried: read(&self.retried),
            throttled: read(&self.throttled),
            splits: read(&self.splits),
            panics: read(&self.panics),
            lanes: 0,
            last_success: last.success,
            last_error: last.error.clone(),
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
