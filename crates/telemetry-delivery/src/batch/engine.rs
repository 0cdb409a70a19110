//! What callers and the worker of one process share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::backlog::{Backlog, Key};
use super::budget::{Budget, Grant, Wait};
use super::chunk::{Chunk, Pool};
use super::config::{BatchConfig, DeadLetter, Event, Overflow};
use super::control::{Control, Timer};
use super::drops::DropReason;
use super::fork;
use super::lane::{Lane, LaneConfig, LaneTable, TooManyLanes};
use super::receipt::{DeadReason, FatePart, Outcome, Receipt};
use super::reentry::Inside;
use super::rest::Rest;
use super::seal::Limits;
use super::shard::{Append, Surroundings, Taken};
use super::signal::{self, Latch};
use super::stats::{Counters, Report, Stats};
use super::storage::{self, Stored};
use super::sync::{AtomicBool, Mutex, MutexGuard, Ordering, lock};
use crate::clock::{Clock, SystemClock};
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

/// One generation of a batcher: that of one process.
#[derive(Debug)]
pub(super) struct Engine {
    /// Different for every engine of this process.
    pub(super) id: u64,
    owner: u32,
    pub(super) config: Arc<BatchConfig>,
    limits: Limits,
    pub(super) lanes: LaneTable,
    pub(super) budget: Budget,
    pool: Pool,
    pub(super) backlog: Mutex<Backlog>,
    /// Held while items move from buffers to the backlog, so that nobody who looks into both
    /// misses them on their way.
    sweeping: Mutex<()>,
    pub(super) rest: Rest,
    /// Callers find no room.
    pub(super) pressure: AtomicBool,
    /// Something was dropped that the user has not been told of.
    pub(super) untold: AtomicBool,
    closed: AtomicBool,
    pub(super) notify: Notify,
    pub(super) control: Mutex<Control>,
    pub(super) counters: Counters,
    /// What the worker and the callers say to each other about the disk.
    pub(super) storage: storage::Desk,
    /// Whether it is that of the process in which the batcher was made.
    #[cfg(feature = "spool")]
    pub(super) is_first: bool,
    /// The worker has ended.
    pub(super) gone: Latch,
}

/// What a sweep found.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Swept {
    pub(super) items: usize,
    /// There was more, in lanes that have batches waiting already.
    pub(super) left_some: bool,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Engine {
    /// An engine whose lanes are those of `before`, if any, without what is in them.
    pub(super) fn new(owner: u32, config: Arc<BatchConfig>, before: Option<&Self>) -> Self {
        let lanes = before.map_or_else(
            || LaneTable::new(config.max_lanes, config.shard_count()),
            |before| LaneTable::like(&before.lanes),
        );
        let limits = Limits {
            bytes: config.batch_bytes,
            items: config.batch_items,
        };
        let pooled_chunks = config.max_in_flight + 2 * config.shard_count();
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            owner,
            limits,
            lanes,
            budget: Budget::new(config.memory_bytes, config.memory_items),
            pool: Pool::new(pooled_chunks, config.memory_bytes / 8),
            backlog: Mutex::new(Backlog::new(owner, limits)),
            sweeping: Mutex::new(()),
            rest: Rest::new(),
            pressure: AtomicBool::new(false),
            untold: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            notify: Notify::new(),
            control: Mutex::new(Control::default()),
            counters: Counters::default(),
            storage: storage::Desk::default(),
            #[cfg(feature = "spool")]
            is_first: before.is_none(),
            gone: Latch::default(),
            config,
        }
    }

    pub(super) fn register(&self, config: LaneConfig) -> Result<Lane, TooManyLanes> {
        Ok(Lane {
            owner: self.owner,
            index: self.lanes.register(config)?,
        })
    }

    // Appending.

    /// Appends without waiting, whatever the policy.
    #[inline]
    pub(super) fn try_append(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
        caller: Caller,
    ) -> Result<Option<Receipt>, Rejected> {
        let result = self.append_or_evict(lane, item, receipt, caller);
        if let Err(rejected) = result {
            self.count_rejected(rejected);
        }
        result
    }

    /// Appends, and waits on this thread as far as the policy says.
    #[inline]
    pub(super) fn append(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
    ) -> Result<Option<Receipt>, Rejected> {
        let mut result = self.append_or_evict(lane, item, receipt, Caller::Anybody);
        if matches!(result, Err(Rejected::Full)) {
            if let Some(longest) = self.config.longest_wait() {
                let deadline = Instant::now().checked_add(longest);
                result = signal::block_on(self.room(lane, item, receipt), deadline)
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
    pub(super) async fn append_async(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
    ) -> Result<Option<Receipt>, Rejected> {
        let mut result = self.append_or_evict(lane, item, receipt, Caller::Anybody);
        if matches!(result, Err(Rejected::Full)) {
            if let Some(longest) = self.config.longest_wait() {
                let deadline = Instant::now().checked_add(longest);
                result = self
                    .before(deadline, self.room(lane, item, receipt))
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
    async fn room(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
    ) -> Result<Option<Receipt>, Rejected> {
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
            match self.append_once(lane, item, receipt, Caller::Anybody) {
                Err(Rejected::Full) => std::task::Poll::Pending,
                result => std::task::Poll::Ready(result),
            }
        })
        .await
    }

    #[inline]
    fn append_or_evict(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
        caller: Caller,
    ) -> Result<Option<Receipt>, Rejected> {
        let result = self.append_once(lane, item, receipt, caller);
        if matches!(result, Err(Rejected::Full)) && self.config.overflow == Overflow::DropOldest {
            return self.append_in_place_of_the_oldest(lane, item, receipt, caller);
        }
        result
    }

    #[cold]
    fn append_in_place_of_the_oldest(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
        caller: Caller,
    ) -> Result<Option<Receipt>, Rejected> {
        for _ in 0..EVICTIONS {
            if !self.evict(lane) {
                break;
            }
            match self.append_once(lane, item, receipt, caller) {
                Err(Rejected::Full) => {}
                result => return result,
            }
        }
        Err(Rejected::Full)
    }

    #[inline]
    fn append_once(
        &self,
        lane: Lane,
        item: &[u8],
        receipt: bool,
        caller: Caller,
    ) -> Result<Option<Receipt>, Rejected> {
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
            .append(item, receipt, self.around(), |taken| {
                wake |= self.hand_over(lane.index, taken);
            });
        match appended {
            Append::Done(receipt) => {
                if self.rest.is_on() || wake {
                    self.wake();
                }
                Ok(receipt)
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

    /// Takes what a caller sealed; says whether the worker should know.
    ///
    /// Called under a buffer's lock: that of the backlog comes second everywhere.
    fn hand_over(&self, lane: u32, taken: Taken) -> bool {
        Counters::add(&self.counters.accepted, taken.chunk.count());
        let mut backlog = lock(&self.backlog);
        backlog.push(lane, taken);
        backlog.wanted || self.wants_to_spill()
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
        let _sweeping = lock(&self.sweeping);
        let Some(lane) = self.lanes.get(lane.index) else {
            return false;
        };
        let mut found = false;
        for shard in &lane.shards {
            if let Some(taken) = shard.take(self.around(), false) {
                let items = taken.chunk.count();
                Counters::add(&self.counters.accepted, items);
                let outcome = Outcome::Dropped(DropReason::Oldest);
                self.count(&outcome, items);
                if let Some(fate) = taken.fate {
                    FatePart::whole(fate, 0, items).settle(&outcome);
                }
                self.give(taken.chunk.cost(), items);
                self.pool.put(taken.chunk);
                found = true;
            }
        }
        found
    }

    // Moving on.

    fn around(&self) -> Surroundings<'_> {
        Surroundings {
            limits: self.limits,
            budget: &self.budget,
            pool: &self.pool,
        }
    }

    pub(super) fn wake(&self) {
        self.rest.end();
        self.notify.notify_one();
    }

    /// Seals what is in the buffers.
    ///
    /// Without `all`, only of lanes that have no batch waiting: for the others it is better to go
    /// on filling.
    pub(super) fn sweep(&self, all: bool, close: bool) -> Swept {
        let _sweeping = lock(&self.sweeping);
        let mut swept = Swept::default();
        for (index, lane) in self.lanes.all() {
            if !all && lock(&self.backlog).waiting(index) > 0 {
                swept.left_some |= lane.shards.iter().any(|shard| shard.count() > 0);
                continue;
            }
            if lane.is_ordered() {
                for shard in &lane.shards {
                    shard.take_to(self.around(), close, |taken| {
                        swept.items += taken.chunk.count();
                        self.hand_over(index, taken);
                    });
                }
                continue;
            }
            let mut taken: Vec<Taken> = lane
                .shards
                .iter()
                .filter_map(|shard| shard.take(self.around(), close))
                .collect();
            if taken.is_empty() {
                continue;
            }
            let items: usize = taken.iter().map(|it| it.chunk.count()).sum();
            swept.items += items;
            Counters::add(&self.counters.accepted, items);
            // The largest takes in the others as far as they fit.
            taken.sort_by_key(|it| std::cmp::Reverse(it.chunk.items_len()));
            let mut whole: Vec<(Chunk, Vec<FatePart>)> = Vec::new();
            for it in taken {
                let (start, count) = match whole.last() {
                    Some((chunk, _)) => (chunk.count(), it.chunk.count()),
                    None => (0, it.chunk.count()),
                };
                let size = |chunk: &Chunk| (chunk.items_len(), chunk.count());
                match whole.last_mut() {
                    Some((chunk, fates))
                        if self.limits.fit_together(size(chunk), size(&it.chunk)) =>
                    {
                        chunk.extend(&it.chunk);
                        fates.extend(it.fate.map(|fate| FatePart::whole(fate, start, count)));
                        self.pool.put(it.chunk);
                    }
                    _ => {
                        let fates = it.fate.map(|fate| FatePart::whole(fate, 0, count));
                        whole.push((it.chunk, fates.into_iter().collect()));
                    }
                }
            }
            let mut backlog = lock(&self.backlog);
            backlog.absorb(&self.lanes);
            for (chunk, fates) in whole {
                backlog.insert(&self.lanes, index, chunk, fates);
            }
        }
        swept
    }

    /// Whether any buffer holds an item.
    pub(super) fn has_filling(&self) -> bool {
        self.lanes
            .all()
            .any(|(_, lane)| lane.shards.iter().any(|shard| shard.count() > 0))
    }

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

    fn end_locked(
        &self,
        mut backlog: MutexGuard<'_, Backlog>,
        key: Key,
        batch: Option<Sealed>,
        outcome: &Outcome,
    ) -> Option<Vec<Stored>> {
        let mut removed = backlog.remove(key)?;
        // Before the lock is released, so that whoever finds the backlog empty finds it counted.
        self.count(outcome, removed.entry.items);
        drop(backlog);
        let stored = std::mem::take(&mut removed.entry.stored);
        let (items, cost) = (removed.entry.items, removed.entry.cost);
        let (fates, waiting) = removed.entry.into_batch();
        for fate in fates {
            fate.settle(outcome);
        }
        if let Some(batch) = batch.or(waiting) {
            self.pool.put(batch.chunk);
        }
        self.give(cost, items);
        for latch in removed.reached {
            latch.set();
        }
        Some(stored)
    }

    fn give(&self, bytes: usize, items: usize) {
        self.budget.give(Grant { bytes, items });
    }

    fn count(&self, outcome: &Outcome, items: usize) {
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

    // Waiting.

    /// Gives what `future` gives before `deadline`, which the worker watches.
    pub(super) async fn before<F: Future>(
        &self,
        deadline: Option<Instant>,
        future: F,
    ) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let mut timer = deadline.map(|at| Timer::new(self, at));
        std::future::poll_fn(|context| {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(output));
            }
            if let Some(timer) = &mut timer {
                if Instant::now() >= timer.at() {
                    return std::task::Poll::Ready(None);
                }
                timer.set(context.waker());
            }
            std::task::Poll::Pending
        })
        .await
    }

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

    pub(super) fn stats(&self) -> Stats {
        // In this order items on their way are counted twice rather than not at all; what was
        // accepted is counted last, so that the parts do not exceed the whole by those.
        let filling: usize = self
            .lanes
            .all()
            .flat_map(|(_, lane)| lane.shards.iter())
            .map(super::shard::Shard::count)
            .sum();
        let backlog = lock(&self.backlog).items();
        let mut stats = self.counters.read();
        stats.accepted += filling as u64;
        stats.in_memory_items = (filling + backlog) as u64;
        stats.in_memory_bytes = self.budget.used_bytes() as u64;
        stats
    }
}

/// The deadline that is `time` away, `None` where the clock does not reach that far.
pub(super) fn deadline_in(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_that_are_given_up_leave_nothing_behind() {
        let engine = Engine::new(1, Arc::new(BatchConfig::default()), None);
        let lane = engine.register(LaneConfig::new("lane")).unwrap();
        engine
            .try_append(lane, b"item", false, Caller::Anybody)
            .unwrap();
        for _ in 0..100 {
            drop(engine.barrier());
        }
        assert!(lock(&engine.backlog).barriers() <= 2);
    }
}
