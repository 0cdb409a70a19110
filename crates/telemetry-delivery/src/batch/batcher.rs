//! The handle that callers hold, and the one that ends it.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::append::{Caller, Rejected};
use super::appended::Appended;
use super::config::BatchConfig;
use super::engine::{Engine, deadline_in};
use super::fork;
use super::guard::Guard;
use super::lane::{Lane, LaneConfig, TooManyLanes};
use super::receipt::Receipt;
use super::stats::Stats;
use super::worker;
use crate::error::ConfigError;
use crate::sink::Sink;

/// How many processes in a row may be forked off each other and use one batcher.
const GENERATIONS: usize = 64;

/// Why a batcher did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot work.
    #[error("the settings cannot work")]
    Config(#[from] ConfigError),
    /// The system gave no thread or no runtime.
    #[error("the delivery thread did not start")]
    Thread(#[from] io::Error),
    /// The spool cannot be opened.
    #[cfg(feature = "spool")]
    #[error("the spool cannot be opened")]
    Spool(#[from] crate::spool::SpoolError),
}

/// Not everything that was there when flushing began has come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not everything was delivered in time")]
pub struct FlushTimeout;

/// Takes items and has them delivered in batches. Clones are cheap and share everything.
///
/// See the [module](super) for how it works.
#[derive(Clone)]
pub struct Batcher {
    shared: Arc<Shared>,
}

impl Batcher {
    /// Starts the engine's thread.
    ///
    /// `sink` makes where batches go: once on the new thread, and once more in every process that
    /// is forked off and appends something, so that no process uses the connections of another.
    ///
    /// # Errors
    /// [`StartError`] when a setting is out of range or the system gives no thread.
    pub fn start<S, F>(config: BatchConfig, sink: F) -> Result<(Self, Guard), StartError>
    where
        S: Sink,
        F: Fn() -> S + Send + Sync + 'static,
    {
        static OWNERS: AtomicU32 = AtomicU32::new(1);
        config.check()?;
        fork::watch();
        let sink = Arc::new(sink);
        let shared = Arc::new(Shared {
            owner: OWNERS.fetch_add(1, Ordering::Relaxed),
            config: Arc::new(config),
            start: Box::new(move |engine| {
                let sink = Arc::clone(&sink);
                worker::start(engine, move || sink())
            }),
            epoch: fork::epoch(),
            generations: (0..GENERATIONS).map(|_| OnceLock::new()).collect(),
            refused: AtomicU64::new(0),
        });
        shared.begin()?;
        let batcher = Self { shared };
        let guard = Guard::new(batcher.clone());
        Ok((batcher, guard))
    }

    /// The lane of that name, which is registered when it is new; of a known one the other
    /// settings stay as they are.
    ///
    /// # Errors
    /// [`TooManyLanes`] when it is new and there are as many as
    /// [`with_max_lanes`](BatchConfig::with_max_lanes) allows; the others go on as before.
    pub fn lane(&self, config: LaneConfig) -> Result<Lane, TooManyLanes> {
        match self.shared.engine() {
            Some(engine) => engine.register(config),
            None => Err(TooManyLanes { limit: 0 }),
        }
    }

    /// Appends an item, one copy under a short lock.
    ///
    /// When there is no room, [`with_overflow`](BatchConfig::with_overflow) says what happens. The
    /// thread is blocked only where that says for how long, and by a spool that makes every
    /// record durable.
    ///
    /// # Errors
    /// [`Rejected`]; the item is counted among the dropped then.
    #[inline]
    pub fn append(&self, lane: Lane, item: &[u8]) -> Result<(), Rejected> {
        match self.shared.engine() {
            Some(engine) => engine.append(lane, item),
            None => Err(self.shared.refuse()),
        }
    }

    /// The same without ever waiting.
    ///
    /// # Errors
    /// [`Rejected`]; the item is counted among the dropped then.
    #[inline]
    pub fn try_append(&self, lane: Lane, item: &[u8]) -> Result<(), Rejected> {
        self.try_appended(lane, item, Caller::Anybody)
    }

    /// The same for what a callback of the engine has to say, which `append` would refuse; tells
    /// later what became of it.
    ///
    /// Meant for few and small items, such as one record about others that were dropped.
    ///
    /// # Errors
    /// [`Rejected`]. With [`Rejected::Full`] the item is not counted: whoever made it keeps it, and
    /// tries again when [`Event::Resumed`](super::Event::Resumed) tells of the next batch that was
    /// delivered. Otherwise it is counted among the dropped.
    pub fn append_notice(&self, lane: Lane, item: &[u8]) -> Result<Receipt, Rejected> {
        self.try_appended(lane, item, Caller::Callback)
    }

    /// Like [`append`](Self::append), and tells later what became of the item.
    ///
    /// # Errors
    /// [`Rejected`]; the item is counted among the dropped then.
    pub fn append_with_receipt(&self, lane: Lane, item: &[u8]) -> Result<Receipt, Rejected> {
        let engine = self.shared.engine();
        let engine = engine.ok_or_else(|| self.shared.refuse())?;
        engine.append(lane, item)
    }

    /// Like [`try_append`](Self::try_append), and tells later what became of the item.
    ///
    /// # Errors
    /// [`Rejected`]; the item is counted among the dropped then.
    pub fn try_append_with_receipt(&self, lane: Lane, item: &[u8]) -> Result<Receipt, Rejected> {
        self.try_appended(lane, item, Caller::Anybody)
    }

    /// Like [`append_with_receipt`](Self::append_with_receipt), but a wait for room blocks no
    /// thread. Needs no certain runtime.
    ///
    /// # Errors
    /// [`Rejected`]; the item is counted among the dropped then.
    ///
    /// # Cancel safety
    /// Safe: before it is ready the item is not taken in, unless a spool makes every record
    /// durable: then it may be, and is delivered.
    pub async fn append_async(&self, lane: Lane, item: &[u8]) -> Result<Receipt, Rejected> {
        let engine = self.shared.engine();
        let engine = engine.ok_or_else(|| self.shared.refuse())?;
        engine.append_async(lane, item).await
    }

    /// Waits until everything that this process appended before has come to an end: delivered,
    /// among the dead letters, or dropped. It goes at once, without lingering.
    ///
    /// What was moved to disk for want of room is read back and delivered first; what is appended
    /// later is not waited for, however much it is. What earlier processes left in a spool is
    /// waited for only as far as it has been read by now. When the batcher is closed meanwhile, on
    /// disk is an end, too.
    ///
    /// It can be called as often as one likes, by several at a time. Needs no certain runtime.
    ///
    /// # Errors
    /// [`FlushTimeout`] when that takes longer than `timeout`; nothing is lost by that.
    ///
    /// # Cancel safety
    /// Safe: what was begun goes on.
    pub async fn flush(&self, timeout: Duration) -> Result<(), FlushTimeout> {
        let Some(engine) = self.shared.existing() else {
            return Ok(());
        };
        let deadline = deadline_in(timeout);
        let barrier = engine.barrier();
        let reached = std::future::poll_fn(|context| barrier.poll(context));
        engine.before(deadline, reached).await.ok_or(FlushTimeout)
    }

    /// The same, blocking the thread.
    ///
    /// # Errors
    /// [`FlushTimeout`] when it takes longer than `timeout`, and at once on the engine's own
    /// thread; nothing is lost by that.
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushTimeout> {
        let Some(engine) = self.shared.existing() else {
            return Ok(());
        };
        let barrier = engine.barrier();
        let reached = if super::reentry::is_worker_of(engine.id) {
            barrier.is_set()
        } else {
            barrier.wait_until(deadline_in(timeout))
        };
        reached.then_some(()).ok_or(FlushTimeout)
    }

    /// What was done so far in this process.
    #[must_use]
    pub fn stats(&self) -> Stats {
        match self.shared.existing() {
            Some(engine) => engine.stats(),
            None => self.shared.stats_without_engine(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &BatchConfig {
        &self.shared.config
    }

    /// The engine of this process, if it has one.
    pub(super) fn existing(&self) -> Option<&Arc<Engine>> {
        self.shared.existing()
    }

    fn try_appended<T: Appended>(
        &self,
        lane: Lane,
        item: &[u8],
        caller: Caller,
    ) -> Result<T, Rejected> {
        match self.shared.engine() {
            Some(engine) => engine.try_append(lane, item, caller),
            None => Err(self.shared.refuse()),
        }
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

/// One batcher in this process and in those forked off it.
struct Shared {
    owner: u32,
    config: Arc<BatchConfig>,
    start: Box<dyn Fn(Arc<Engine>) -> Result<(), StartError> + Send + Sync>,
    /// Of the process that made the batcher.
    epoch: u64,
    /// By epoch. A process touches only the cell of its own, which nobody can have been busy with
    /// when it was forked off, and reads those before without waiting for anybody.
    generations: Box<[OnceLock<Arc<Engine>>]>,
    /// What a process beyond these has appended in vain: its generation in the upper half, and in
    /// the lower one how many items.
    refused: AtomicU64,
}

impl Shared {
    /// The engine of this process; the first append after a fork starts it.
    #[inline]
    fn engine(&self) -> Option<&Arc<Engine>> {
        match self.existing() {
            Some(engine) => Some(engine),
            // One that could not be started refuses and counts.
            None => self.begin().ok().or_else(|| self.existing()),
        }
    }

    #[inline]
    fn existing(&self) -> Option<&Arc<Engine>> {
        self.generations.get(self.generation())?.get()
    }

    #[inline]
    fn generation(&self) -> usize {
        fork::epoch().wrapping_sub(self.epoch) as usize
    }

    /// Counts an item for which this process has no engine: it was forked off too often.
    #[cold]
    fn refuse(&self) -> Rejected {
        let now = self.generation() as u64;
        let count = |refused: u64| match refused >> 32 == now {
            true => refused + u64::from(refused as u32 != u32::MAX),
            false => now << 32 | 1,
        };
        let counted = |refused| Some(count(refused));
        let _ = self
            .refused
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
        Rejected::Closed
    }

    fn stats_without_engine(&self) -> Stats {
        let refused = self.refused.load(Ordering::Relaxed);
        let mut stats = Stats::default();
        if refused >> 32 == self.generation() as u64 {
            stats.dropped.closed = u64::from(refused as u32);
        }
        stats
    }

    #[cold]
    fn begin(&self) -> Result<&Arc<Engine>, StartError> {
        let now = self.generation();
        let Some(cell) = self.generations.get(now) else {
            return Err(io::Error::other("forked too often").into());
        };
        let mut result = Ok(());
        let engine = cell.get_or_init(|| {
            let before = self.generations[..now]
                .iter()
                .rev()
                .find_map(OnceLock::get)
                .map(Arc::as_ref);
            let config = Arc::clone(&self.config);
            let engine = Arc::new(Engine::new(self.owner, config, before));
            result = (self.start)(Arc::clone(&engine));
            if result.is_err() {
                // Everything that comes is refused and counted.
                engine.give_up();
            }
            engine
        });
        result.map(|()| engine)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let now = self.generation();
        for (generation, cell) in self.generations.iter_mut().enumerate() {
            if generation != now {
                // Belongs to another process: its locks and its thread are not ours to end.
                std::mem::forget(cell.take());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// A batcher without a thread, and what decides whether the next engine gets one.
    fn batcher() -> (Batcher, Arc<AtomicBool>) {
        let fails = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&fails);
        let shared = Shared {
            owner: 0,
            config: Arc::new(BatchConfig::default()),
            start: Box::new(move |_| match asked.load(Ordering::Relaxed) {
                true => Err(io::Error::other("no thread").into()),
                false => Ok(()),
            }),
            epoch: fork::epoch(),
            generations: (0..GENERATIONS).map(|_| OnceLock::new()).collect(),
            refused: AtomicU64::new(0),
        };
        let shared = Arc::new(shared);
        (Batcher { shared }, fails)
    }

    /// As in a process that was forked off so often.
    fn forked(batcher: &mut Batcher, times: u64) {
        let shared = Arc::get_mut(&mut batcher.shared).unwrap();
        shared.epoch = fork::epoch().wrapping_sub(times);
    }

    #[test]
    fn the_append_for_which_no_thread_could_be_started_is_counted() {
        let (mut batcher, fails) = batcher();
        let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
        fails.store(true, Ordering::Relaxed);
        forked(&mut batcher, 1);
        for count in 1..3 {
            assert_eq!(batcher.append(lane, b"item"), Err(Rejected::Closed));
            assert_eq!(batcher.stats().dropped.closed, count);
        }
    }

    #[test]
    fn what_a_process_that_was_forked_off_too_often_appends_is_counted() {
        let (mut batcher, _) = batcher();
        let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
        let last = GENERATIONS as u64 - 1;
        forked(&mut batcher, last);
        assert_eq!(batcher.append(lane, b"item"), Ok(()));
        for times in [last + 1, last + 2] {
            forked(&mut batcher, times);
            assert_eq!(batcher.stats(), Stats::default());
            assert_eq!(batcher.append(lane, b"item"), Err(Rejected::Closed));
            assert_eq!(batcher.try_append(lane, b"item"), Err(Rejected::Closed));
            let refused = batcher.append_with_receipt(lane, b"item");
            assert_eq!(refused.err(), Some(Rejected::Closed));
            assert_eq!(batcher.stats().dropped.closed, 3);
        }
    }
}
