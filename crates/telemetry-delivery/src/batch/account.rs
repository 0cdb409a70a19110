//! The end of items, in any way: counted once, told to who asked for it, their room given back.

use std::sync::Arc;

use super::backlog::{Backlog, Entry, Key};
use super::budget::Grant;
use super::config::{DeadLetter, Event};
use super::drops::DropReason;
use super::engine::Engine;
use super::receipt::{DeadReason, Outcome, Woken};
use super::signal::set_all;
use super::stats::Counters;
use super::storage::Stored;
use super::sync::{MutexGuard, Ordering, lock};
use crate::clock::{Clock, SystemClock};
use crate::sink::Sealed;

/// A batch that has come to its end, with what is left to do.
#[derive(Debug)]
pub(super) struct Ended {
    entry: Entry,
    woken: Vec<Woken>,
}

impl Engine {
    /// Ends a batch, once; `false` when somebody else has ended it.
    pub(super) fn finish(&self, key: Key, batch: Option<Sealed>, outcome: &Outcome) -> bool {
        match self.end(key, batch, outcome) {
            Some(stored) => {
                if *outcome != Outcome::Spooled {
                    self.storage.done(stored);
                }
                true
            }
            None => false,
        }
    }

    /// The same, and tells where it is on disk.
    pub(super) fn end(
        &self,
        key: Key,
        batch: Option<Sealed>,
        outcome: &Outcome,
    ) -> Option<Vec<Stored>> {
        self.end_locked(lock(&self.backlog), key, batch, outcome)
    }

    pub(super) fn end_locked(
        &self,
        mut backlog: MutexGuard<'_, Backlog>,
        key: Key,
        batch: Option<Sealed>,
        outcome: &Outcome,
    ) -> Option<Vec<Stored>> {
        let removed = backlog.remove(key)?;
        // Before the lock is released, so that whoever finds the backlog empty finds it counted,
        // and what became of it known.
        let ended = self.settle(removed.entry, outcome);
        drop(backlog);
        let stored = self.release(ended, batch);
        set_all(removed.reached);
        Some(stored)
    }

    /// Counts a batch that has left the backlog, under whose lock this is called, and makes known
    /// what has become of it.
    pub(super) fn settle(&self, entry: Entry, outcome: &Outcome) -> Ended {
        self.count(outcome, entry.items);
        let woken = entry.fates.iter().map(|fate| fate.settle(outcome));
        Ended {
            woken: woken.collect(),
            entry,
        }
    }

    /// Wakes those who asked what becomes of it, and gives its room back; tells where it is on
    /// disk. Under no lock.
    pub(super) fn release(&self, ended: Ended, batch: Option<Sealed>) -> Vec<Stored> {
        let Ended { mut entry, woken } = ended;
        for woken in woken {
            woken.wake();
        }
        let stored = std::mem::take(&mut entry.stored);
        let (items, cost) = (entry.items, entry.cost);
        if let Some(batch) = batch.or_else(|| entry.into_batch()) {
            self.pool.put(batch.chunk);
        }
        self.give(cost, items);
        stored
    }

    pub(super) fn give(&self, bytes: usize, items: usize) {
        self.budget.give(Grant { bytes, items });
    }

    pub(super) fn count(&self, outcome: &Outcome, items: usize) {
        let counters = &self.counters;
        match outcome {
            Outcome::Delivered => {
                Counters::add(&counters.delivered, items);
                Counters::add(&counters.batches, 1);
            }
            Outcome::Spooled => Counters::add(&counters.spooled, items),
            Outcome::DeadLettered(_) => Counters::add(&counters.dead_lettered, items),
            Outcome::Dropped(reason) => {
                Counters::add(&counters.lost, items);
                self.drop_items(*reason, items);
            }
            Outcome::LeftToParent => {}
        }
    }

    /// Counts a drop and has the worker tell of it, for which it is woken once until it has.
    pub(super) fn drop_items(&self, reason: DropReason, items: usize) {
        self.counters.dropped.add(reason, items as u64);
        if self.config.on_event.is_some()
            && !self.untold.load(Ordering::Relaxed)
            && !self.untold.swap(true, Ordering::AcqRel)
        {
            self.wake();
        }
    }

    /// Hands a batch to whoever takes dead letters; says what has become of it.
    pub(super) fn bury(&self, batch: &Sealed, reason: DeadReason) -> Outcome {
        let Some(take) = &self.config.on_dead_letter else {
            return Outcome::Dropped(reason.as_drop());
        };
        let letter = DeadLetter {
            batch,
            reason: reason.clone(),
        };
        self.guarded(|| take(&letter));
        Outcome::DeadLettered(reason)
    }

    pub(super) fn tell(&self, event: &Event) {
        if let Some(tell) = &self.config.on_event {
            self.guarded(|| tell(event));
        }
    }

    /// Runs a callback; its panic is counted and goes no further.
    fn guarded(&self, callback: impl FnOnce()) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(callback));
        if outcome.is_err() {
            Counters::add(&self.counters.panics, 1);
        }
    }

    pub(super) fn failed(&self, cause: &Arc<str>) {
        self.counters.failed(SystemClock.now(), cause);
    }

    pub(super) fn succeeded(&self) {
        self.counters.succeeded(SystemClock.now());
    }
}
