//! Items on disk: written before the process may end, spilled for want of room, read back.
//!
//! Everything in here happens on the worker's thread; callers only leave notes on the [`Desk`](super::desk::Desk).
//! Batches are written in the order they were sealed in. Under pressure the newest leave memory,
//! and all that are sealed afterwards follow them, until those on disk have been read back: so the
//! order stays, and memory holds the oldest.

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backlog::Key;
use super::batcher::StartError;
use super::budget::Grant;
use super::chunk::Chunk;
use super::config::{Event, Overflow};
use super::drops::DropReason;
use super::engine::Engine;
use super::lane::LaneConfig;
use super::receipt::Outcome;
use super::signal::set_all;
use super::stats::Counters;
use super::sync::lock;
use super::worker::{NextTime, Worker};
use crate::sink::Sealed;
use crate::spool::{Entry, EntryId, Fsync, Record, Spool, SpoolError};

pub(super) use super::desk::Desk;

/// Where items of a batch are on disk.
pub(super) type Stored = EntryId;

/// How long an item is in memory only, where the policy gives no interval.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often folders of other processes that have ended are looked for.
const ADOPT_EVERY: Duration = Duration::from_secs(60);
/// After so many panics in a row nothing more is asked of the disk.
const MOST_PANICS: u32 = 3;

// In 256ths of the room in memory.
/// Above this, batches leave memory,
pub(super) const SPILL_ABOVE: usize = 128;
/// down to this.
const SPILL_TO: usize = 96;
/// Up to this, what is on disk is read.
const READ_UP_TO: usize = 64;

/// The worker's side of the disk.
#[derive(Debug)]
pub(super) struct Storage {
    spool: Spool,
    interval: Duration,
    spills: bool,
    /// When everything is written next.
    store_at: Option<Instant>,
    /// After a failure, not before then.
    retry_at: Option<Instant>,
    adopt_at: Option<Instant>,
    /// The newest batch that was written.
    last: Option<Key>,
    /// Items that left memory and have not come back.
    spilled_items: u64,
    failing: bool,
    /// Since it worked last.
    panics: u32,
    /// It was said that there are too many lanes for some of what is on disk.
    told_of_lanes: bool,
    lane: Vec<u8>,
}

impl Storage {
    /// Opens the spool, where one is configured.
    pub(super) fn open(engine: &Engine) -> Result<Option<Self>, StartError> {
        let Some((root, config)) = &engine.config.spool else {
            return Ok(None);
        };
        let spool = match Spool::open(root, config.clone()) {
            Ok(spool) => spool,
            Err(error) if engine.is_first => return Err(error.into()),
            // In a process that was forked off, appending goes on without the disk.
            Err(error) => {
                engine.storage.close();
                engine.storage.put_trouble(cause(&error));
                return Ok(None);
            }
        };
        lock(&engine.backlog).joins = true;
        Ok(Some(Self {
            spool,
            interval: match config.fsync() {
                Fsync::Interval(interval) => interval,
                Fsync::EveryRecord | Fsync::System => INTERVAL,
            },
            spills: matches!(engine.config.overflow, Overflow::Spill(_)),
            store_at: None,
            retry_at: None,
            adopt_at: None,
            last: None,
            spilled_items: 0,
            failing: false,
            panics: 0,
            told_of_lanes: false,
            lane: Vec::new(),
        }))
    }

    fn acknowledge(&mut self, engine: &Engine, now: Instant) {
        for id in engine.storage.take_done() {
            if let Err(error) = self.spool.acknowledge(id) {
                self.fails(engine, &error, now);
            }
        }
    }

    /// Writes every batch that is not on disk, those in flight included.
    fn write_all(&mut self, worker: &Worker) -> Result<Vec<Key>, (Vec<Key>, SpoolError)> {
        let engine = &worker.engine;
        let keys = {
            let mut backlog = lock(&engine.backlog);
            backlog.absorb(&engine.lanes);
            backlog.unstored()
        };
        let mut written = Vec::new();
        let mut failed = None;
        for key in keys {
            let in_flight = worker.running.values().find(|running| running.key == key);
            let result = match in_flight {
                Some(running) => self.write(engine, &running.batch),
                None => {
                    // Not under the lock, which callers take, too.
                    let lent = Lent::new(engine, key);
                    let Some((batch, _)) = &lent.what else {
                        continue;
                    };
                    self.write(engine, batch)
                }
            };
            match result {
                Ok(id) => {
                    let mut backlog = lock(&engine.backlog);
                    let Some(entry) = backlog.get_mut(key) else {
                        drop(backlog);
                        // Dropped meanwhile.
                        engine.storage.done(vec![id]);
                        continue;
                    };
                    entry.stored.push(id);
                    // Behind newer ones on disk, hence not to be read back from there.
                    entry.stays |= self.last.is_some_and(|last| key < last);
                    self.last = self.last.max(Some(key));
                    written.push(key);
                }
                // Only this one cannot be stored.
                Err(error @ SpoolError::TooLarge { .. }) => failed = Some(error),
                Err(error) => return Err((written, error)),
            }
        }
        match failed {
            Some(error) => Err((written, error)),
            None => Ok(written),
        }
    }

    fn write(&mut self, engine: &Engine, batch: &Sealed) -> Result<Stored, SpoolError> {
        #[cfg(test)]
        if let Some(happens) = &engine.config.on_write {
            happens();
        }
        match engine.lanes.get(batch.lane.index) {
            Some(lane) => lane.to_disk(&mut self.lane),
            None => self.lane.clear(),
        }
        self.spool.append(Record {
            lane: &self.lane,
            ends: &batch.chunk.ends,
            bytes: batch.chunk.item_bytes(),
        })
    }

    /// Writes everything, and makes it as durable as the policy wants.
    fn store_all(&mut self, worker: &Worker, now: Instant) -> bool {
        let (written, mut result) = match self.write_all(worker) {
            Ok(written) => (written, Ok(())),
            Err((written, error)) => (written, Err(error)),
        };
        if !matches!(self.spool.fsync(), Fsync::System) {
            if let Err(error) = self.spool.sync() {
                self.fails(&worker.engine, &error, now);
                result = self.store_again(worker, written);
            }
        }
        match result {
            Ok(()) => {
                self.works(&worker.engine);
                true
            }
            Err(error) => {
                self.fails(&worker.engine, &error, now);
                false
            }
        }
    }

    /// Writes to another file what may not have reached the disk; memory still has it.
    fn store_again(&mut self, worker: &Worker, written: Vec<Key>) -> Result<(), SpoolError> {
        let mut doubtful = Vec::new();
        let mut backlog = lock(&worker.engine.backlog);
        for key in written {
            if let Some(entry) = backlog.get_mut(key) {
                doubtful.append(&mut entry.stored);
            }
        }
        drop(backlog);
        self.write_all(worker).map_err(|(_, error)| error)?;
        self.spool.sync()?;
        // Where this is not reached they stay, and may be delivered twice after a restart.
        worker.engine.storage.done(doubtful);
        Ok(())
    }

    /// Lets batches leave memory that are on disk.
    fn evict(&mut self, engine: &Engine, full: bool) {
        self.evict_some(engine, full, false);
        // Those that were tried are the last to go, and how long ago that was is forgotten there.
        if full
            && engine.config.give_up_after.is_none()
            && !lock(&engine.backlog).has_untried()
            && engine.budget.level() > SPILL_TO
        {
            self.evict_some(engine, full, true);
        }
    }

    fn evict_some(&mut self, engine: &Engine, full: bool, tried: bool) {
        let (evictable, newest_back) = {
            let backlog = lock(&engine.backlog);
            (backlog.evictable(tried), backlog.newest_returned())
        };
        for key in evictable {
            let mut backlog = lock(&engine.backlog);
            let follows = !tried && backlog.spilled_from.is_some_and(|from| key.0 >= from);
            // What is older than something that has come back is not to come back after it.
            let is_newer = newest_back.is_none_or(|back| key > back);
            let may_go = full && is_newer && engine.budget.level() > SPILL_TO;
            if !follows && !may_go {
                break;
            }
            let items = backlog.get_mut(key).map_or(0, |entry| entry.items);
            backlog.leaves(key);
            if let Some(stored) = engine.end_locked(backlog, key, None, &Outcome::Spooled) {
                self.spilled_items += items as u64;
                for id in stored {
                    self.spool.release(id);
                }
            }
        }
    }

    /// Reads what is on disk while there is room.
    fn read_back(&mut self, engine: &Engine, now: Instant) {
        if engine.is_closed() {
            return;
        }
        if self.adopt_at.is_none_or(|at| at <= now) {
            // The first time, opening has just done it.
            if self.adopt_at.is_some() {
                if let Err(error) = self.spool.adopt() {
                    self.fails(engine, &error, now);
                }
            }
            self.adopt_at = now.checked_add(ADOPT_EVERY);
        }
        // One that is read for want of anything else that could go out may be above the limit, say
        // while the disk is full and those behind it cannot move there.
        let has_room =
            || engine.budget.level() <= READ_UP_TO || lock(&engine.backlog).waits_for_disk();
        while has_room() && !engine.is_closed() {
            match self.spool.next_pending() {
                Some(Ok(entry)) => {
                    self.take_in(engine, entry, now);
                }
                Some(Err(damage)) => engine.tell(&Event::SpoolDamaged(damage)),
                None => {
                    self.all_is_back(engine);
                    return;
                }
            }
        }
    }

    fn take_in(&mut self, engine: &Engine, entry: Entry, now: Instant) {
        let items = entry.ends.len();
        if items == 0 {
            engine.storage.done(vec![entry.id]);
            return;
        }
        let lane = match engine.lanes.register(LaneConfig::on_disk(&entry.lane)) {
            Ok(lane) => lane,
            Err(error) => {
                // Neither done nor handed out again: it stays for the next start, and what is
                // behind it goes on.
                if !std::mem::replace(&mut self.told_of_lanes, true) {
                    self.tell_failing(engine, error.to_string().into(), now);
                }
                return;
            }
        };
        let chunk = Chunk {
            bytes: entry.bytes.to_vec(),
            ends: entry.ends,
        };
        let position = (!entry.left_over).then(|| entry.id.position());
        let mut backlog = lock(&engine.backlog);
        if backlog.is_over {
            // Not even counted any more: it stays where it is.
            drop(backlog);
            self.spool.release(entry.id);
            return;
        }
        if entry.left_over {
            Counters::add(&engine.counters.recovered, items);
            Counters::add(&engine.counters.accepted, items);
        } else {
            self.spilled_items = self.spilled_items.saturating_sub(items as u64);
            Counters::sub(&engine.counters.spooled, items as u64);
        }
        engine.budget.force(Grant {
            bytes: chunk.cost(),
            items,
        });
        backlog.insert_stored(&engine.lanes, lane, chunk, entry.id, position);
        let reached = backlog.take_reached();
        drop(backlog);
        set_all(reached);
    }

    /// Nothing is left on disk that is not in memory.
    fn all_is_back(&mut self, engine: &Engine) {
        let mut backlog = lock(&engine.backlog);
        backlog.nothing_is_spilled();
        let reached = backlog.take_reached();
        drop(backlog);
        // Damage has been told of; this is what it cost.
        let lost = std::mem::take(&mut self.spilled_items);
        if lost > 0 {
            Counters::sub(&engine.counters.spooled, lost);
            Counters::add(&engine.counters.lost, lost as usize);
            engine.drop_items(DropReason::Damaged, lost as usize);
        }
        set_all(reached);
    }

    /// Does what it is time for.
    fn advance(&mut self, worker: &mut Worker, now: Instant) {
        let engine = Arc::clone(&worker.engine);
        self.acknowledge(&engine, now);

        let asked = engine.storage.take_asked();
        engine.storage.looked();
        let full = self.spills && engine.budget.level() > SPILL_ABOVE;
        let may_try = self.retry_at.is_none_or(|at| at <= now);
        let due = self.store_at.is_some_and(|at| at <= now);
        if asked.is_some() || due || full {
            let swept = engine.sweep(true, false);
            if swept.items > 0 {
                // Stay up, as after lingering.
                worker.linger_at = now.checked_add(engine.config.linger);
            }
            self.store_at = None;
        }
        let spilled = lock(&engine.backlog).spilled_from.is_some();
        if asked.is_some() || ((due || full || spilled) && may_try) {
            let stored = self.store_all(worker, now);
            if let Some(asked) = asked {
                asked.keep(stored);
            }
        }
        if full || spilled {
            self.evict(&engine, full);
        }
        self.read_back(&engine, now);
        self.acknowledge(&engine, now);

        let is_busy = || !engine.rest.is_on() || lock(&engine.backlog).has_unstored();
        if self.store_at.is_none() && is_busy() {
            self.store_at = now.checked_add(self.interval);
        }
    }

    fn fails(&mut self, engine: &Engine, error: &SpoolError, now: Instant) {
        self.tell_failing(engine, cause(error), now);
    }

    fn tell_failing(&mut self, engine: &Engine, cause: Arc<str>, now: Instant) {
        self.retry_at = now.checked_add(self.interval);
        if !std::mem::replace(&mut self.failing, true) {
            engine.tell(&Event::SpoolFailing { cause });
        }
    }

    fn works(&mut self, engine: &Engine) {
        self.retry_at = None;
        self.panics = 0;
        if std::mem::replace(&mut self.failing, false) {
            engine.tell(&Event::SpoolResumed);
        }
    }
}

/// A batch that waits, taken out for as long as it is written; it is put back in any case.
struct Lent<'a> {
    engine: &'a Engine,
    key: Key,
    what: Option<(Sealed, Option<Instant>)>,
}

impl<'a> Lent<'a> {
    fn new(engine: &'a Engine, key: Key) -> Self {
        let what = lock(&engine.backlog).lend(key);
        Self { engine, key, what }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some((batch, not_before)) = self.what.take() {
            lock(&self.engine.backlog).put_back(self.key, batch, not_before);
        }
    }
}

impl Worker {
    /// Writes, spills and reads back what it is time for.
    pub(super) fn store(&mut self, now: Instant, next: &mut NextTime) {
        let engine = Arc::clone(&self.engine);
        if let Some(cause) = engine.storage.take_trouble() {
            engine.tell(&Event::SpoolFailing { cause });
        }
        self.with_storage(now, |worker, storage| storage.advance(worker, now));
        if let Some(storage) = &self.storage {
            for at in [storage.store_at, storage.adopt_at].into_iter().flatten() {
                next.at(at);
            }
        }
    }

    /// Stores the parts of a batch that was cut in two, which take the place of the whole.
    pub(super) fn store_parts(&mut self, whole: Vec<Stored>) {
        if whole.is_empty() {
            return;
        }
        let now = Instant::now();
        let is_stored = self.with_storage(now, |worker, storage| storage.store_all(worker, now));
        // Otherwise the whole stays on disk, and is delivered once more after a restart.
        if is_stored == Some(true) {
            self.engine.storage.done(whole);
        }
    }

    /// Ends the use of the disk; what is left on it stays for the next start.
    pub(super) fn close_storage(&mut self) {
        let now = Instant::now();
        self.with_storage(now, |worker, storage| {
            storage.acknowledge(&worker.engine, now);
        });
        self.give_up_storage();
    }

    /// Runs something on the disk, if there is one: a panic, which is a mistake in here, costs
    /// that, and the disk when it happens again and again, but no item and not the thread.
    fn with_storage<T>(
        &mut self,
        now: Instant,
        run: impl FnOnce(&mut Self, &mut Storage) -> T,
    ) -> Option<T> {
        let mut storage = self.storage.take()?;
        let result = catch_unwind(AssertUnwindSafe(|| run(self, &mut storage))).ok();
        let engine = Arc::clone(&self.engine);
        if result.is_none() {
            Counters::add(&engine.counters.panics, 1);
            storage.panics += 1;
            storage.tell_failing(&engine, "the spool panicked".into(), now);
        }
        let is_over = storage.panics >= MOST_PANICS;
        self.storage = Some(storage);
        if is_over {
            self.give_up_storage();
        }
        result
    }

    /// Goes on without the disk; what is on it stays for the next start.
    fn give_up_storage(&mut self) {
        self.engine.storage.close();
        let Some(storage) = self.storage.take() else {
            return;
        };
        let engine = &self.engine;
        match catch_unwind(AssertUnwindSafe(|| storage.spool.close())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let cause = cause(&error);
                engine.tell(&Event::SpoolFailing { cause });
            }
            Err(_) => Counters::add(&engine.counters.panics, 1),
        }
        // Nobody is to wait for what does not come back.
        let mut backlog = lock(&engine.backlog);
        backlog.nothing_is_spilled();
        backlog.nothing_comes_back();
        let reached = backlog.take_reached();
        drop(backlog);
        set_all(reached);
    }
}

/// An error with what caused it, for people.
fn cause(error: &SpoolError) -> Arc<str> {
    match error.source() {
        Some(source) => format!("{error}: {source}").into(),
        None => error.to_string().into(),
    }
}
