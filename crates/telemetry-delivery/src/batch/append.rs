//! Appending: what callers do, on their own threads.

use std::sync::Arc;

use tokio::time::Instant;

use super::appended::Appended;
use super::budget::{Budget, Wait};
use super::chunk::Chunk;
use super::config::Overflow;
use super::drops::DropReason;
use super::engine::Engine;
use super::fork;
use super::lane::Lane;
use super::receipt::{DeadReason, FatePart, Outcome};
use super::reentry::Inside;
use super::shard::{Append, Taken};
use super::signal;
use super::stats::Counters;
use super::sync::{Ordering, lock};
use crate::sink::Sealed;

/// How often room is made by dropping before the newest is dropped after all.
const EVICTIONS: usize = 8;

/// Why an item was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// There is no room, and the time to wait for some is over.
    #[error("no room in the queue")]
    Full,
    /// The item is larger than one may be; the dead letters have it, if anybody takes them.
    #[error("larger than an item may be")]
    Oversized,
    /// The batcher is closed.
    #[error("appended after closing")]
    Closed,
    /// The append was made by the engine's own thread or while appending.
    #[error("appended by the delivery itself")]
    Reentrant,
    /// The lane belongs to another batcher.
    #[error("no such lane")]
    NoSuchLane,
    /// The item was taken in, but could not be made durable, which the spool is set to do for
    /// every record. It is in memory and will be delivered if the process lives; it is not among
    /// the dropped.
    #[error("taken in, but not durable")]
    NotStored,
}

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Anybody,
    /// May be the engine's own thread.
    Callback,
}

impl Engine {
    /// Appends without waiting, whatever the policy.
    #[inline]
    pub(super) fn try_append<T: Appended>(
        &self,
        lane: Lane,
        item: &[u8],
        caller: Caller,
    ) -> Result<T, Rejected> {
        let result = self.append_or_evict(lane, item, caller);
        match result {
            Ok(_) => {}
            // Kept by who made it, who is told when to try again.
            Err(Rejected::Full) if caller == Caller::Callback => {
                self.notice_waits.store(true, Ordering::Relaxed);
            }
            Err(rejected) => self.count_rejected(rejected),
        }
        result
    }

    /// Appends, and waits on this thread as far as the policy says.
    #[inline]
    pub(super) fn append<T: Appended>(&self, lane: Lane, item: &[u8]) -> Result<T, Rejected> {
        let mut result = self.append_or_evict(lane, item, Caller::Anybody);
        if matches!(result, Err(Rejected::Full)) {
            if let Some(longest) = self.config.longest_wait() {
                let deadline = Instant::now().checked_add(longest);
                result = signal::block_on(self.room(lane, item), deadline)
                    .unwrap_or(Err(Rejected::Full));
            }
        }
        match result {
            Ok(_) if self.config.is_durable() => self.wait_until_stored()?,
            Ok(_) => {}
            Err(rejected) => self.count_rejected(rejected),
        }
        result
    }

    /// Appends, and waits without blocking as far as the policy says.
    pub(super) async fn append_async<T: Appended>(
        &self,
        lane: Lane,
        item: &[u8],
    ) -> Result<T, Rejected> {
        let mut result = self.append_or_evict(lane, item, Caller::Anybody);
        if matches!(result, Err(Rejected::Full)) {
            if let Some(longest) = self.config.longest_wait() {
                let deadline = Instant::now().checked_add(longest);
                result = self
                    .before(deadline, self.room(lane, item))
                    .await
                    .unwrap_or(Err(Rejected::Full));
            }
        }
        match result {
            Ok(_) if self.config.is_durable() => self.until_stored().await?,
            Ok(_) => {}
            Err(rejected) => self.count_rejected(rejected),
        }
        result
    }

    /// Appends as soon as there is room.
    async fn room<T: Appended>(&self, lane: Lane, item: &[u8]) -> Result<T, Rejected> {
        // Counted as long as this lives, so that a dropped future leaves nothing behind.
        struct Waiting<'a>(&'a Budget, Wait, u64);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                // The lock may be held for ever in a copy of this process.
                if self.2 == fork::epoch() {
                    self.0.waited(&self.1);
                }
            }
        }
        let mut waiting = None;
        std::future::poll_fn(move |context| {
            let wait = self.budget.wait(context.waker());
            let _before = waiting.replace(Waiting(&self.budget, wait, fork::epoch()));
            match self.append_once(lane, item, Caller::Anybody) {
                Err(Rejected::Full) => std::task::Poll::Pending,
                result => std::task::Poll::Ready(result),
            }
        })
        .await
    }

    #[inline]
    fn append_or_evict<T: Appended>(
        &self,
        lane: Lane,
        item: &[u8],
        caller: Caller,
    ) -> Result<T, Rejected> {
        let result = self.append_once(lane, item, caller);
        if matches!(result, Err(Rejected::Full)) && self.config.overflow == Overflow::DropOldest {
            return self.append_in_place_of_the_oldest(lane, item, caller);
        }
        result
    }

    #[cold]
    fn append_in_place_of_the_oldest<T: Appended>(
        &self,
        lane: Lane,
        item: &[u8],
        caller: Caller,
    ) -> Result<T, Rejected> {
        for _ in 0..EVICTIONS {
            if !self.evict(lane) {
                break;
            }
            match self.append_once(lane, item, caller) {
                Err(Rejected::Full) => {}
                result => return result,
            }
        }
        Err(Rejected::Full)
    }

    #[inline]
    fn append_once<T: Appended>(
        &self,
        lane: Lane,
        item: &[u8],
        caller: Caller,
    ) -> Result<T, Rejected> {
        let inside = match caller {
            Caller::Anybody => Inside::enter(self.id),
            Caller::Callback => Inside::enter_from_anywhere(),
        };
        let Some(inside) = inside else {
            return Err(Rejected::Reentrant);
        };
        if lane.owner != self.owner {
            return Err(Rejected::NoSuchLane);
        }
        let Some(state) = self.lanes.get(lane.index) else {
            return Err(Rejected::NoSuchLane);
        };
        if item.len() > self.config.item_bytes() {
            return Err(self.oversized(lane, item));
        }
        let mut wake = false;
        let appended = state
            .shard(inside.ticket)
            .append(item, self.around(), |taken| {
                wake |= self.hand_over(lane.index, taken);
            });
        match appended {
            Append::Done(told) => {
                if self.rest.is_on() || wake {
                    self.wake();
                }
                Ok(told)
            }
            Append::Full => {
                if !self.pressure.load(Ordering::Relaxed)
                    && !self.pressure.swap(true, Ordering::Relaxed)
                {
                    self.wake();
                }
                Err(Rejected::Full)
            }
            Append::Closed => Err(Rejected::Closed),
        }
    }

    #[cold]
    fn oversized(&self, lane: Lane, item: &[u8]) -> Rejected {
        if let Some(lane) = self.lanes.get(lane.index) {
            let mut chunk = Chunk::default();
            // Only a dead letter needs it whole, and one is at hand for as long as it is read.
            if self.config.on_dead_letter.is_some() && u32::try_from(item.len()).is_ok() {
                chunk.push(item, item.len());
                let batch = Sealed::new(Lane::NOWHERE, Arc::clone(lane.name()), chunk);
                Counters::add(&self.counters.accepted, 1);
                self.bury(&batch, DeadReason::Oversized);
                Counters::add(&self.counters.dead_lettered, 1);
            } else {
                self.drop_items(DropReason::Oversized, 1);
            }
        }
        Rejected::Oversized
    }

    #[cold]
    fn count_rejected(&self, rejected: Rejected) {
        let reason = match rejected {
            Rejected::Full => DropReason::Full,
            Rejected::Closed | Rejected::NoSuchLane => DropReason::Closed,
            Rejected::Reentrant => DropReason::Reentrant,
            // Counted where it is known whether a dead letter has it.
            Rejected::Oversized => return,
            // Not dropped.
            Rejected::NotStored => return,
        };
        self.drop_items(reason, 1);
    }

    /// Drops what has waited longest; `false` when there is nothing to drop.
    fn evict(&self, lane: Lane) -> bool {
        let mut backlog = lock(&self.backlog);
        backlog.absorb(&self.lanes);
        // Under one lock: a batch that starts in between would be delivered and counted as dropped.
        if let Some(key) = backlog.oldest_waiting() {
            let outcome = Outcome::Dropped(DropReason::Oldest);
            if let Some(stored) = self.end_locked(backlog, key, None, &outcome) {
                self.storage.done(stored);
                return true;
            }
            return false;
        }
        drop(backlog);
        // Everything is in buffers or in flight, so the oldest is in a buffer.
        let outcome = Outcome::Dropped(DropReason::Oldest);
        let sweeping = lock(&self.sweeping);
        let Some(lane) = self.lanes.get(lane.index) else {
            return false;
        };
        let taken: Vec<_> = lane
            .shards
            .iter()
            .filter_map(|shard| shard.take(self.around(), false))
            .map(|taken| {
                let items = taken.chunk.count();
                Counters::add(&self.counters.accepted, items);
                self.count(&outcome, items);
                let fate = taken.fate.map(|fate| FatePart::whole(fate, 0, items));
                (taken.chunk, fate.map(|fate| fate.settle(&outcome)))
            })
            .collect();
        // Who is woken may ask for the counts, which takes this lock.
        drop(sweeping);
        let found = !taken.is_empty();
        for (chunk, woken) in taken {
            if let Some(woken) = woken {
                woken.wake();
            }
            self.give(chunk.cost(), chunk.count());
            self.pool.put(chunk);
        }
        found
    }

    /// Takes what a caller sealed; says whether the worker should know.
    ///
    /// Called under a buffer's lock: that of the backlog comes second everywhere.
    pub(super) fn hand_over(&self, lane: u32, taken: Taken) -> bool {
        Counters::add(&self.counters.accepted, taken.chunk.count());
        let mut backlog = lock(&self.backlog);
        backlog.push(lane, taken);
        backlog.wanted || self.wants_to_spill()
    }
}
