//! What callers and the worker of one process share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::time::Instant;

use super::backlog::Backlog;
use super::budget::Budget;
use super::chunk::Pool;
use super::config::BatchConfig;
use super::control::Control;
use super::lane::{Lane, LaneConfig, LaneTable, TooManyLanes};
use super::rest::Rest;
use super::seal::Limits;
use super::shard::{Shard, Surroundings};
use super::signal::Latch;
use super::stats::{Counters, Stats};
use super::storage::Desk;
use super::sync::{AtomicBool, Mutex, Notify, Ordering, lock};

/// One generation of a batcher: that of one process.
#[derive(Debug)]
pub(super) struct Engine {
    /// Different for every engine of this process.
    pub(super) id: u64,
    pub(super) owner: u32,
    pub(super) config: Arc<BatchConfig>,
    pub(super) limits: Limits,
    pub(super) lanes: LaneTable,
    pub(super) budget: Budget,
    pub(super) pool: Pool,
    pub(super) backlog: Mutex<Backlog>,
    /// Held while items move from buffers to the backlog, so that nobody who looks into both
    /// misses them on their way.
    pub(super) sweeping: Mutex<()>,
    pub(super) rest: Rest,
    /// Callers find no room.
    pub(super) pressure: AtomicBool,
    /// Something was dropped that the user has not been told of.
    pub(super) untold: AtomicBool,
    /// There was no room for what a callback had to say.
    pub(super) notice_waits: AtomicBool,
    pub(super) closed: AtomicBool,
    pub(super) notify: Notify,
    pub(super) control: Mutex<Control>,
    pub(super) counters: Counters,
    /// What the worker and the callers say to each other about the disk.
    pub(super) storage: Desk,
    /// Whether it is that of the process in which the batcher was made.
    #[cfg(feature = "spool")]
    pub(super) is_first: bool,
    /// The worker has ended.
    pub(super) gone: Latch,
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
            notice_waits: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            notify: Notify::new(),
            control: Mutex::new(Control::default()),
            counters: Counters::default(),
            storage: Desk::default(),
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

    pub(super) fn around(&self) -> Surroundings<'_> {
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

    pub(super) fn stats(&self) -> Stats {
        let sweeping = lock(&self.sweeping);
        // In this order items on their way are counted twice rather than not at all; what was
        // accepted is counted last, so that the parts do not exceed the whole by those.
        let filling: usize = self
            .lanes
            .all()
            .flat_map(|(_, lane)| lane.shards.iter())
            .map(Shard::count)
            .sum();
        let backlog = lock(&self.backlog).items();
        drop(sweeping);
        let mut stats = self.counters.read();
        stats.accepted += filling as u64;
        stats.in_memory_items = (filling + backlog) as u64;
        stats.in_memory_bytes = self.budget.used_bytes() as u64;
        stats.lanes = u64::from(self.lanes.count());
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
    use super::super::append::Caller;
    use super::*;

    #[test]
    fn items_are_counted_while_they_move_from_a_buffer_to_the_backlog() {
        let engine = Engine::new(1, Arc::new(BatchConfig::default()), None);
        let lane = engine.register(LaneConfig::new("lane")).unwrap();
        let (done, sweeps) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let swept = engine.sweep(true, false).items > 0;
                    sweeps.fetch_add(u64::from(swept), Ordering::Relaxed);
                }
            });
            let mut appended = 0;
            let mut wrong = None;
            while wrong.is_none() && sweeps.load(Ordering::Relaxed) < 2000 {
                let taken = engine.try_append::<()>(lane, b"item", Caller::Anybody);
                appended += 1;
                let counted = engine.stats().in_memory_items;
                wrong = (taken.is_err() || counted != appended).then_some((counted, appended));
                std::thread::yield_now();
            }
            done.store(true, Ordering::Relaxed);
            assert_eq!(wrong, None);
        });
    }
}
