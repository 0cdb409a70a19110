//! How much, how long, and what to do when that is not enough.

use std::fmt;
#[cfg(feature = "spool")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::drops::Drops;
use super::receipt::DeadReason;
use crate::error::{ConfigError, ensure};
#[cfg(feature = "spool")]
use crate::spool::SpoolConfig;
use crate::{Backoff, sink::Sealed};

/// The largest batch and the largest item: ends of items are kept in 32 bits.
const MOST_BYTES: usize = 1 << 30;

/// What happens to an item for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It is refused; the caller never waits.
    DropNewest,
    /// The batch that has waited longest is dropped for it; the caller never waits.
    DropOldest,
    /// The caller waits for room, up to this long; then the item is refused.
    Wait(Duration),
    /// What waits moves to the spool once half of the room is taken; it comes back, oldest first,
    /// when there is room again. A caller who is faster than the disk waits, up to this long;
    /// then, and when the spool is full, the item is refused. Without a spool, as
    /// [`Wait`](Self::Wait).
    #[cfg(feature = "spool")]
    Spill(Duration),
}

/// What an engine tells its user, from its own thread and under no lock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Items were dropped since this was last said, which is at most once a second.
    Dropped {
        /// Since it was last said.
        since: Drops,
        /// From the start on.
        total: Drops,
    },
    /// An attempt failed where the one before had worked.
    Failing {
        /// What the sink said.
        cause: Arc<str>,
    },
    /// An attempt worked where the one before had failed, or items were dropped, or
    /// [`append_notice`](super::Batcher::append_notice) found no room, since one worked last.
    Resumed {
        /// What was dropped since items last went through without one being dropped.
        dropped: Drops,
    },
    /// Items could not be written to disk, or it is not certain that they were, where this had
    /// worked before. They are still in memory; writing is tried again.
    #[cfg(feature = "spool")]
    SpoolFailing {
        /// What the system said.
        cause: Arc<str>,
    },
    /// Writing to disk works again.
    #[cfg(feature = "spool")]
    SpoolResumed,
    /// Something on disk is not as it was written; the rest is delivered.
    #[cfg(feature = "spool")]
    SpoolDamaged(crate::spool::Damage),
}

/// Items that can never be delivered.
#[derive(Debug)]
#[non_exhaustive]
pub struct DeadLetter<'a> {
    /// The items and their lane.
    pub batch: &'a Sealed,
    /// Why.
    pub reason: DeadReason,
}

type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;
type OnDeadLetter = Arc<dyn Fn(&DeadLetter<'_>) + Send + Sync>;

/// How a [`Batcher`](super::Batcher) behaves.
#[derive(Clone)]
#[must_use]
pub struct BatchConfig {
    pub(super) memory_bytes: usize,
    pub(super) memory_items: Option<usize>,
    pub(super) batch_bytes: usize,
    pub(super) batch_items: usize,
    pub(super) item_bytes: Option<usize>,
    pub(super) linger: Duration,
    pub(super) overflow: Overflow,
    pub(super) max_in_flight: usize,
    pub(super) attempt_timeout: Duration,
    pub(super) backoff: Backoff,
    pub(super) give_up_after: Option<Duration>,
    pub(super) shards: Option<usize>,
    pub(super) max_lanes: usize,
    pub(super) close_deadline: Duration,
    #[cfg(feature = "spool")]
    pub(super) spool: Option<(PathBuf, SpoolConfig)>,
    pub(super) thread_name: String,
    /// The worker's clock moves only when there is nothing else to do.
    #[cfg(test)]
    pub(super) paused: bool,
    /// What happens whenever a batch is written to disk.
    #[cfg(all(test, feature = "spool"))]
    pub(super) on_write: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) on_dead_letter: Option<OnDeadLetter>,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            memory_items: None,
            batch_bytes: 512 << 10,
            batch_items: 4096,
            item_bytes: None,
            linger: Duration::from_secs(2),
            overflow: Overflow::DropNewest,
            max_in_flight: 4,
            attempt_timeout: Duration::from_secs(120),
            backoff: Backoff::default(),
            give_up_after: None,
            shards: None,
            max_lanes: 1024,
            close_deadline: Duration::from_secs(5),
            #[cfg(feature = "spool")]
            spool: None,
            thread_name: "delivery".to_owned(),
            #[cfg(test)]
            paused: false,
            #[cfg(all(test, feature = "spool"))]
            on_write: None,
            on_event: None,
            on_dead_letter: None,
        }
    }
}

impl BatchConfig {
    /// How many bytes of items are kept in memory: filling, sealed and in flight. Default: 64 MiB.
    ///
    /// Every item counts for eight bytes more than it has, and every batch, also one that is being
    /// filled, for 512: about what they take. Memory of finished batches that is kept for the next
    /// ones comes on top, at most an eighth.
    pub fn with_memory_bytes(mut self, bytes: usize) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// How many items are kept in memory. Default: as many as fit.
    pub fn with_memory_items(mut self, items: impl Into<Option<usize>>) -> Self {
        self.memory_items = items.into();
        self
    }

    /// How many bytes a batch holds at most, a single larger item aside. Default: 512 KiB; at most
    /// 1 GiB.
    pub fn with_batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// How many items a batch holds at most. Default: 4096.
    pub fn with_batch_items(mut self, items: usize) -> Self {
        self.batch_items = items;
        self
    }

    /// How many bytes an item may have; a larger one becomes a dead letter.
    /// Default: as many as a batch.
    pub fn with_item_bytes(mut self, bytes: usize) -> Self {
        self.item_bytes = Some(bytes);
        self
    }

    /// How long an item may wait for company before it is sent. Default: 2 seconds.
    ///
    /// Shorter means fresher items and more requests. Zero wakes the worker for every item that
    /// finds it asleep. While nothing can be sent, buffers go on filling instead.
    pub fn with_linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// What happens when there is no room. Default: [`Overflow::DropNewest`].
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How many batches are in flight at most. Default: 4.
    pub fn with_max_in_flight(mut self, batches: usize) -> Self {
        self.max_in_flight = batches;
        self
    }

    /// How long the sink may take for one attempt; longer counts as a failure. Default: 2 minutes.
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// The pauses between attempts. Default: up to half a second, doubling up to 20 seconds.
    ///
    /// They hold for the batch that failed and for its pace group, of which one batch at a time is
    /// tried until one succeeds.
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long after its first attempt a batch becomes a dead letter. Default: never.
    pub fn with_give_up_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.give_up_after = time.into();
        self
    }

    /// How many buffers a lane has, for so many threads that append at the same time.
    /// Default: two per core, at least 4 and at most 16; rounded up to a power of two. An ordered
    /// lane has one.
    pub fn with_shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// How many lanes there may be. Default: 1024; at most 65536.
    ///
    /// A lane is never forgotten, since whoever has a [`Lane`](super::Lane) may append to it at any
    /// time; [`Stats::lanes`](super::Stats::lanes) tells how many there are. One without items takes
    /// 128 bytes for each of its buffers and its name, and each time the buffers are emptied a look
    /// at them.
    pub fn with_max_lanes(mut self, lanes: usize) -> Self {
        self.max_lanes = lanes;
        self
    }

    /// How long the guard delivers what is left when it is dropped. Default: 5 seconds.
    pub fn with_close_deadline(mut self, deadline: Duration) -> Self {
        self.close_deadline = deadline;
        self
    }

    /// Keeps what is not delivered in a folder below `root`, so that it survives the process.
    /// Default: none.
    ///
    /// When items get there depends on [`Fsync`](crate::spool::Fsync):
    ///
    /// | policy | survives a killed process | survives a loss of power |
    /// |---|---|---|
    /// | `EveryRecord` | every item whose `append` has returned | the same |
    /// | `Interval(t)` | every item appended `t` ago or earlier | the same |
    /// | `System` | every item appended half a second ago or earlier | what the system has written |
    ///
    /// With `EveryRecord`, `append`, `append_with_receipt` and `append_async` return once the item
    /// is durable; calls at the same time share one flush of the disk. `try_append` does not wait,
    /// and its items are treated as with an interval of half a second.
    /// Items that are delivered sooner never touch the disk, except with `EveryRecord`.
    ///
    /// What earlier processes left below `root` is delivered beside new items, oldest first, and
    /// what is left when closing is over stays for the next. The order of an ordered lane holds
    /// within one process.
    ///
    /// The engine's thread writes, also while it waits for the sink; a record has to fit the
    /// spool: [`SpoolConfig::with_max_bytes`] has to be a few times
    /// [`with_batch_bytes`](Self::with_batch_bytes).
    ///
    /// A process that is forked off makes a folder of its own below the same root.
    /// Batchers that deliver to different places need roots of their own, since each takes over
    /// what it finds below its root.
    #[cfg(feature = "spool")]
    pub fn with_spool(mut self, root: impl Into<PathBuf>, config: SpoolConfig) -> Self {
        self.spool = Some((root.into(), config));
        self
    }

    /// The name of the engine's thread, of which the system may show the first 15 bytes.
    /// Default: `delivery`.
    pub fn with_thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// What is told of drops, failures and their end.
    ///
    /// It is called on the engine's thread and should be brief. It may append with
    /// [`append_notice`](super::Batcher::append_notice).
    pub fn with_on_event(mut self, tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(tell));
        self
    }

    /// What takes items that can never be delivered, each once. Without one they are dropped.
    ///
    /// It is called on the engine's thread, or for an oversized item on the thread that appended
    /// it, and should be brief.
    pub fn with_dead_letters(
        mut self,
        take: impl Fn(&DeadLetter<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.on_dead_letter = Some(Arc::new(take));
        self
    }

    /// See [`with_close_deadline`](Self::with_close_deadline).
    #[must_use]
    pub fn close_deadline(&self) -> Duration {
        self.close_deadline
    }

    /// See [`with_linger`](Self::with_linger).
    #[must_use]
    pub fn linger(&self) -> Duration {
        self.linger
    }

    /// See [`with_batch_bytes`](Self::with_batch_bytes).
    #[must_use]
    pub fn batch_bytes(&self) -> usize {
        self.batch_bytes
    }

    /// See [`with_item_bytes`](Self::with_item_bytes).
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.item_bytes.unwrap_or(self.batch_bytes)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let range = 1..=MOST_BYTES;
        ensure(
            range.contains(&self.batch_bytes),
            "batch_bytes",
            "be between 1 and 1 GiB",
        )?;
        ensure(
            range.contains(&self.item_bytes()),
            "item_bytes",
            "be between 1 and 1 GiB",
        )?;
        let cost = super::chunk::Chunk::cost_of(self.item_bytes(), 1);
        ensure(
            self.memory_bytes >= cost,
            "memory_bytes",
            "hold the largest item and 520 bytes more",
        )?;
        ensure(
            self.memory_items != Some(0),
            "memory_items",
            "be at least one",
        )?;
        ensure(self.batch_items > 0, "batch_items", "be at least one")?;
        #[cfg(feature = "spool")]
        self.check_spool()?;
        ensure(self.max_in_flight > 0, "max_in_flight", "be at least one")?;
        ensure(
            !self.attempt_timeout.is_zero(),
            "attempt_timeout",
            "be longer than zero",
        )?;
        ensure(
            self.shards.is_none_or(|n| (1..=256).contains(&n)),
            "shards",
            "be between 1 and 256",
        )?;
        ensure(
            (1..=65536).contains(&self.max_lanes),
            "max_lanes",
            "be between 1 and 65536",
        )
    }

    #[cfg(feature = "spool")]
    fn check_spool(&self) -> Result<(), ConfigError> {
        let Some((_, spool)) = &self.spool else {
            return Ok(());
        };
        spool.validate()?;
        // As much again as a batch may take beside its bytes.
        let batch = self.batch_bytes.max(self.item_bytes()) + 4 * self.batch_items;
        let room = spool.largest_record().saturating_sub(64 << 10);
        ensure(
            batch as u64 <= room,
            "spool",
            "hold a batch, of which it takes up to 63 MiB",
        )
    }

    /// How long a caller may wait for room.
    pub(super) fn longest_wait(&self) -> Option<Duration> {
        let longest = match self.overflow {
            Overflow::Wait(longest) => longest,
            #[cfg(feature = "spool")]
            Overflow::Spill(longest) => longest,
            Overflow::DropNewest | Overflow::DropOldest => Duration::ZERO,
        };
        (!longest.is_zero()).then_some(longest)
    }

    pub(super) fn shard_count(&self) -> usize {
        self.shards.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(4, |cores| (2 * cores.get()).clamp(4, 16))
        })
    }
}

impl fmt::Debug for BatchConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchConfig")
            .field("memory_bytes", &self.memory_bytes)
            .field("memory_items", &self.memory_items)
            .field("batch_bytes", &self.batch_bytes)
            .field("batch_items", &self.batch_items)
            .field("item_bytes", &self.item_bytes())
            .field("linger", &self.linger)
            .field("overflow", &self.overflow)
            .field("max_in_flight", &self.max_in_flight)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("give_up_after", &self.give_up_after)
            .field("close_deadline", &self.close_deadline)
            .finish_non_exhaustive()
    }
}
