//! Items on disk: written before the process may end, spilled for want of room, read back.
//!
//! Everything in here happens on the worker's thread; callers only leave notes on the [`Desk`].
//! Batches are written in the order they were sealed in. Under pressure the newest leave memory,
//! and all that are sealed afterwards follow them, until those on disk have been read back: so the
//! order stays, and memory holds the oldest.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::append::Rejected;
use super::backlog::Key;
use super::batcher::StartError;
use super::budget::Grant;
use super::chunk::Chunk;
use super::config::{BatchConfig, Event, Overflow};
use super::drops::DropReason;
use super::engine::Engine;
use super::lane::LaneConfig;
use super::receipt::Outcome;
use super::signal::Latch;
use super::stats::Counters;
use super::sync::lock;
use super::worker::{NextTime, Worker};
use crate::sink::Sealed;
use crate::spool::{Entry, EntryId, Fsync, Record, Spool, SpoolError};

/// Where items of a batch are on disk.
pub(super) type Stored = EntryId;

/// How long an item is in memory only, where the policy gives no interval.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long closing may take beyond its deadline, to write what is left.
const GRACE: Duration = Duration::from_secs(1);
/// How often folders of other processes that have ended are looked for.
const ADOPT_EVERY: Duration = Duration::from_secs(60);

// In 256ths of the room in memory.
/// Above this, batches leave memory,
const SPILL_ABOVE: usize = 128;
/// down to this.
const SPILL_TO: usize = 96;
/// Up to this, what is on disk is read.
const READ_UP_TO: usize = 64;

/// What callers leave for the worker.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: std::sync::Mutex<Asked>,
    done: std::sync::Mutex<Vec<Stored>>,
    /// What went wrong before there was a worker to tell of it.
    trouble: std::sync::Mutex<Option<Arc<str>>>,
    /// The worker has been told that batches should leave memory.
    pressed: AtomicBool,
}

#[derive(Debug, Default)]
struct Asked {
    commit: Option<Arc<Commit>>,
    closed: bool,
}

/// Everything appended before it was asked for is durable, or could not be made so.
#[derive(Debug, Default)]
pub(super) struct Commit {
    ended: Latch,
    failed: AtomicBool,
}

impl Commit {
    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.ended.wait_until(deadline)
    }

    fn end(&self, works: bool) {
        self.failed.store(!works, Ordering::Release);
        self.ended.set();
    }

    fn result(&self) -> Result<(), Rejected> {
        if self.ended.is_set() && !self.failed.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Rejected::NotStored)
        }
    }
}

impl Desk {
    /// What is on disk there need not be there any more.
    pub(super) fn done(&self, mut stored: Vec<Stored>) {
        if !stored.is_empty() {
            unpoisoned(&self.done).append(&mut stored);
        }
    }

    fn ask(&self) -> Option<Arc<Commit>> {
        let mut asked = unpoisoned(&self.asked);
        (!asked.closed).then(|| Arc::clone(asked.commit.get_or_insert_default()))
    }

    fn close(&self) {
        let mut asked = unpoisoned(&self.asked);
        asked.closed = true;
        if let Some(commit) = asked.commit.take() {
            commit.end(false);
        }
    }
}

impl BatchConfig {
    /// Whether appending waits for the disk.
    pub(super) fn is_durable(&self) -> bool {
        matches!(&self.spool, Some((_, spool)) if spool.fsync() == Fsync::EveryRecord)
    }

    pub(super) fn time_to_store(&self, deadline: Option<Instant>) -> Option<Instant> {
        match deadline {
            Some(deadline) if self.spool.is_some() => Some(deadline.max(Instant::now() + GRACE)),
            deadline => deadline,
        }
    }
}

impl Engine {
    /// Waits until what this thread has appended is durable.
    pub(super) fn wait_until_stored(&self) -> Result<(), Rejected> {
        let commit = self.ask_to_store().ok_or(Rejected::NotStored)?;
        self.wake();
        // As long as the worker may be kept busy.
        commit.wait_until(Instant::now().checked_add(self.config.attempt_timeout));
        commit.result()
    }

    /// The same, without blocking.
    pub(super) async fn until_stored(&self) -> Result<(), Rejected> {
        let commit = self.ask_to_store().ok_or(Rejected::NotStored)?;
        self.wake();
        let ended = std::future::poll_fn(|context| commit.ended.poll(context));
        let limit = Instant::now().checked_add(self.config.attempt_timeout);
        self.before(limit, ended).await;
        commit.result()
    }

    /// Has everything that is here written to disk; nothing where there is no spool.
    pub(super) fn ask_to_store(&self) -> Option<Arc<Commit>> {
        self.config.spool.as_ref()?;
        self.storage.ask()
    }

    /// Whether the worker should make room in memory, and has not been told so.
    pub(super) fn wants_to_spill(&self) -> bool {
        matches!(self.config.overflow, Overflow::Spill(_))
            && self.budget.level() > SPILL_ABOVE
            && !self.storage.pressed.swap(true, Ordering::Relaxed)
    }
}

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
                *unpoisoned(&engine.storage.trouble) = Some(cause(&error));
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
            told_of_lanes: false,
            lane: Vec::new(),
        }))
    }

    fn acknowledge(&mut self, engine: &Engine, now: Instant) {
        let done = std::mem::take(&mut *unpoisoned(&engine.storage.done));
        for id in done {
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
                    let lent = lock(&engine.backlog).lend(key);
                    let Some((batch, not_before)) = lent else {
                        continue;
                    };
                    let result = self.write(engine, &batch);
                    lock(&engine.backlog).put_back(key, batch, not_before);
                    result
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
        let (evictable, some_are_back) = {
            let backlog = lock(&engine.backlog);
            (backlog.evictable(), backlog.has_returned())
        };
        for key in evictable {
            let mut backlog = lock(&engine.backlog);
            let follows = backlog.spilled_from.is_some_and(|from| key.0 >= from);
            // What is older than something that has come back is not to come back after it.
            let may_go = full && !some_are_back && engine.budget.level() > SPILL_TO;
            if !follows && !may_go {
                break;
            }
            let from = backlog.spilled_from.map_or(key.0, |from| from.min(key.0));
            backlog.spilled_from = Some(from);
            let items = backlog.get_mut(key).map_or(0, |entry| entry.items);
            drop(backlog);
            if let Some(stored) = engine.end(key, None, &Outcome::Spooled) {
                self.spilled_items += items as u64;
                for id in stored {
                    self.spool.release(id);
                }
            }
        }
    }

    /// Reads what is on disk while there is room.
    fn read_back(&mut self, engine: &Engine, now: Instant) {
        if self.adopt_at.is_none_or(|at| at <= now) {
            // The first time, opening has just done it.
            if self.adopt_at.is_some() {
                if let Err(error) = self.spool.adopt() {
                    self.fails(engine, &error, now);
                }
            }
            self.adopt_at = now.checked_add(ADOPT_EVERY);
        }
        if engine.is_closed() {
            return;
        }
        while engine.budget.level() <= READ_UP_TO {
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
        let stored = vec![entry.id];
        lock(&engine.backlog).insert_stored(&engine.lanes, lane, chunk, Vec::new(), stored);
    }

    /// Nothing is left on disk that is not in memory.
    fn all_is_back(&mut self, engine: &Engine) {
        lock(&engine.backlog).nothing_is_spilled();
        // Damage has been told of; this is what it cost.
        let lost = std::mem::take(&mut self.spilled_items);
        if lost > 0 {
            Counters::sub(&engine.counters.spooled, lost);
            Counters::add(&engine.counters.lost, lost as usize);
            engine.drop_items(DropReason::Damaged, lost as usize);
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
        if std::mem::replace(&mut self.failing, false) {
            engine.tell(&Event::SpoolResumed);
        }
    }
}

impl Worker {
    /// Writes, spills and reads back what it is time for.
    pub(super) fn store(&mut self, now: Instant, next: &mut NextTime) {
        let engine = Arc::clone(&self.engine);
        let trouble = unpoisoned(&engine.storage.trouble).take();
        if let Some(cause) = trouble {
            engine.tell(&Event::SpoolFailing { cause });
        }
        let Some(mut storage) = self.storage.take() else {
            return;
        };
        storage.acknowledge(&engine, now);

        let asked = unpoisoned(&engine.storage.asked).commit.take();
        engine.storage.pressed.store(false, Ordering::Relaxed);
        let full = storage.spills && engine.budget.level() > SPILL_ABOVE;
        let may_try = storage.retry_at.is_none_or(|at| at <= now);
        let due = storage.store_at.is_some_and(|at| at <= now);
        if asked.is_some() || due || full {
            let swept = engine.sweep(true, false);
            if swept.items > 0 {
                // Stay up, as after lingering.
                self.linger_at = now.checked_add(engine.config.linger);
            }
            storage.store_at = None;
        }
        let spilled = lock(&engine.backlog).spilled_from.is_some();
        if asked.is_some() || ((due || full || spilled) && may_try) {
            let stored = storage.store_all(self, now);
            if let Some(asked) = asked {
                asked.end(stored);
            }
        }
        if full || spilled {
            storage.evict(&engine, full);
        }
        storage.read_back(&engine, now);
        storage.acknowledge(&engine, now);

        let is_busy = || !engine.rest.is_on() || lock(&engine.backlog).has_unstored();
        if storage.store_at.is_none() && is_busy() {
            storage.store_at = now.checked_add(storage.interval);
        }
        if let Some(at) = storage.store_at {
            next.at(at);
        }
        self.storage = Some(storage);
    }

    /// Stores the parts of a batch that was cut in two, which take the place of the whole.
    pub(super) fn store_parts(&mut self, whole: Vec<Stored>) {
        if whole.is_empty() {
            return;
        }
        let Some(mut storage) = self.storage.take() else {
            return;
        };
        // Otherwise the whole stays on disk, and is delivered once more after a restart.
        if storage.store_all(self, Instant::now()) {
            self.engine.storage.done(whole);
        }
        self.storage = Some(storage);
    }

    /// Ends the use of the disk; what is left on it stays for the next start.
    pub(super) fn close_storage(&mut self) {
        if let Some(mut storage) = self.storage.take() {
            storage.acknowledge(&self.engine, Instant::now());
            if let Err(error) = storage.spool.close() {
                let cause = cause(&error);
                self.engine.tell(&Event::SpoolFailing { cause });
            }
        }
        self.engine.storage.close();
    }
}

/// An error with what caused it, for people.
fn cause(error: &SpoolError) -> Arc<str> {
    match error.source() {
        Some(source) => format!("{error}: {source}").into(),
        None => error.to_string().into(),
    }
}

fn unpoisoned<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
