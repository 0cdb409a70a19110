//! A thousand shards and a hundred workers: how soon they settle, and what it costs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sls_consumer::{ShardBatch, Worker, WorkerConfig, WorkerHandle};
use sls_core::api::{CreateLogstore, CreateProject};
use sls_core::model::{LogstoreConfig, ShardId};
use tokio::time::{Instant, sleep, sleep_until};

use super::judge::{Judge, WorkerId};
use super::network::Link;
use super::server::Server;
use super::world::{GROUP, HEARTBEAT, LOGSTORE, PROJECT, TIMEOUT, WallClock, World};
use crate::random::Random;

/// From the start of the first worker to that of the last, at most.
const ARRIVAL: Duration = Duration::from_secs(6);
/// How long the settled group is left alone before it is watched: pauses between pulls are at
/// their longest by then.
const REST: Duration = Duration::from_secs(10);
/// How long the settled group is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// When to give up waiting.
const LIMIT: Duration = Duration::from_secs(60);
/// How often to look.
const LOOK: Duration = Duration::from_millis(10);

/// What is measured: the tasks of a debug build are larger.
const BUILD: &str = if cfg!(debug_assertions) {
    "debug build"
} else {
    "release build"
};

/// How large the group is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The shards, all of which take writes.
    pub shards: u32,
    /// The workers that join.
    pub workers: u32,
    /// How many of them crash at once, later.
    pub crashes: u32,
}

impl Default for Size {
    /// 1000 shards, 100 workers, of which 20 crash.
    fn default() -> Self {
        Self {
            shards: 1000,
            workers: 100,
            crashes: 20,
        }
    }
}

/// What it came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// Heartbeat intervals from the first heartbeat of the last worker, as the service got it,
    /// until every shard was held by one worker, and none held two more than another.
    pub joined: f64,
    /// The same from the moment at which the service had missed all crashed workers.
    pub crashed: f64,
    /// The fewest and the most shards of a worker before the crash, and after it.
    pub shares: [(usize, usize); 2],
    /// Requests of each kind per second while the group formed.
    pub forming: BTreeMap<&'static str, f64>,
    /// Requests of each kind per second in the settled group without news.
    pub settled: BTreeMap<&'static str, f64>,
    /// By how much this process grew for one shard that is held, in bytes; `None` where the
    /// operating system does not tell.
    pub bytes_per_shard: Option<u64>,
    size: Size,
}

impl Report {
    /// The most heartbeat intervals that settling may take.
    pub const MOST_INTERVALS: f64 = 2.0;

    /// Whether it settled soon enough both times.
    pub fn is_good(&self) -> bool {
        self.joined <= Self::MOST_INTERVALS && self.crashed <= Self::MOST_INTERVALS
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size {
            shards,
            workers,
            crashes,
        } = self.size;
        let most = Self::MOST_INTERVALS;
        let [(fewest, largest), after] = self.shares;
        writeln!(
            f,
            "scale: {shards} shards, {workers} workers, a heartbeat each {HEARTBEAT:?}"
        )?;
        writeln!(
            f,
            "scale: settled {:.2} intervals after the last had joined, each with {fewest} to {largest} shards (most {most})",
            self.joined
        )?;
        writeln!(
            f,
            "scale: settled {:.2} intervals after {crashes} crashed ones were missed, each with {} to {} shards (most {most})",
            self.crashed, after.0, after.1
        )?;
        for (when, rates) in [("forming", &self.forming), ("settled", &self.settled)] {
            let all: f64 = rates.values().sum();
            write!(f, "scale: {when}, {all:.0} requests per second:")?;
            for (name, rate) in rates {
                write!(f, " {name} {rate:.1}")?;
            }
            writeln!(f)?;
        }
        match self.bytes_per_shard {
            Some(bytes) => write!(
                f,
                "scale: {:.1} KiB per shard held, {}: growth of this process, with the workers, the simulated network and what the service keeps of the group",
                bytes as f64 / 1024.0,
                BUILD,
            ),
            None => f.write_str("scale: memory per shard is not known on this system"),
        }
    }
}

/// Runs it under virtual time; the seed decides when workers start, who crashes, and how long
/// messages are on their way. Tasks that wake up at one moment do so in any order, so two runs of
/// one seed may differ in the last digits.
///
/// # Errors
/// Says what did not come to pass.
///
/// # Panics
/// When no runtime can be made.
pub fn run(seed: u64, size: Size) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets needs nothing");
    runtime.block_on(Fleet::new(seed, size)?.play())
}

/// All workers.
struct Fleet {
    world: Arc<World>,
    size: Size,
    workers: BTreeMap<WorkerId, WorkerHandle>,
}

impl Fleet {
    fn new(seed: u64, size: Size) -> Result<Self, String> {
        let server = Server::new(WallClock::default(), false);
        let world = World::new(Random::new(seed), Judge::new(false), server, None, false);
        world.with(|state| state.has_trouble = false);
        let config = LogstoreConfig::named(LOGSTORE).with_shard_count(size.shards);
        world
            .ask(&CreateProject::new(PROJECT, ""))
            .and_then(|()| world.ask(&CreateLogstore::new(PROJECT, config)))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            world,
            size,
            workers: BTreeMap::new(),
        })
    }

    async fn play(mut self) -> Result<Report, String> {
        let before = resident();
        let began = Instant::now();
        let joined = self.join().await?;
        let formed = self.settle().await?;
        let forming = self.take_rates(began.elapsed());
        let fair = self.shares();
        sleep(REST).await;
        self.take_rates(REST);
        sleep(WATCHED).await;
        let settled = self.take_rates(WATCHED);
        if !self.is_settled() {
            return Err("a group that had settled did not stay so".to_owned());
        }
        let after = resident();
        let shards = u64::from(self.size.shards);
        let grown = before.zip(after);
        let bytes_per_shard =
            grown.map(|(before, after)| after.saturating_sub(before) / shards.max(1));
        let crashed = self.crash();
        // Up to then the survivors hold what they held, which is not everything.
        let recovered = self.settle().await?;
        let missed = self.last_heard(&crashed) + TIMEOUT;
        Ok(Report {
            joined: intervals(joined, formed),
            crashed: intervals(missed, recovered),
            shares: [fair, self.shares()],
            forming,
            settled,
            bytes_per_shard,
            size: self.size,
        })
    }

    /// Starts all workers, and gives the moment at which the service heard of the last.
    async fn join(&mut self) -> Result<Instant, String> {
        let began = Instant::now();
        let most = ARRIVAL.as_millis() as i64;
        let mut starts: Vec<_> = self.world.with(|state| {
            let mut pause = || state.random.between(0, most) as u64;
            (0..self.size.workers).map(|_| pause()).collect()
        });
        starts.sort_unstable();
        for (number, start) in (1..).zip(starts) {
            sleep_until(began + Duration::from_millis(start)).await;
            let worker = WorkerId(number);
            let handle = start_worker(&self.world, worker);
            self.workers.insert(worker, handle);
        }
        while began.elapsed() < LIMIT {
            let first = self.world.with(|state| {
                let heard = state.heard.values().map(|heard| heard.first);
                (state.heard.len() == self.workers.len()).then(|| heard.max())
            });
            if let Some(first) = first.flatten() {
                return Ok(first);
            }
            sleep(LOOK).await;
        }
        Err(format!("not all workers joined within {LIMIT:?}"))
    }

    /// Waits until all is shared out, and gives the moment.
    async fn settle(&self) -> Result<Instant, String> {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if self.is_settled() {
                return Ok(Instant::now());
            }
            sleep(LOOK).await;
        }
        let (fewest, most) = self.shares();
        Err(format!(
            "not settled after {LIMIT:?}: workers hold {fewest} to {most} shards"
        ))
    }

    /// Whether every shard is held by one worker, and none holds two more than another.
    fn is_settled(&self) -> bool {
        let (fewest, most) = self.shares();
        if most - fewest > 1 {
            return false;
        }
        let held: Vec<ShardId> = self
            .workers
            .values()
            .flat_map(WorkerHandle::progress)
            .map(|progress| progress.shard)
            .collect();
        let different: BTreeSet<_> = held.iter().collect();
        let shards = self.size.shards as usize;
        held.len() == shards && different.len() == shards
    }

    /// The fewest and the most shards of a worker.
    fn shares(&self) -> (usize, usize) {
        let counts = || self.workers.values().map(|worker| worker.progress().len());
        (
            counts().min().unwrap_or_default(),
            counts().max().unwrap_or_default(),
        )
    }

    /// Ends workers without a word.
    fn crash(&mut self) -> Vec<WorkerId> {
        let crashes = self.size.crashes as usize;
        let mut crashed = Vec::new();
        while crashed.len() < crashes && self.workers.len() > 1 {
            let left: Vec<_> = self.workers.keys().copied().collect();
            let worker = self.world.with(|state| *state.random.pick(&left));
            self.workers.remove(&worker);
            crashed.push(worker);
        }
        crashed
    }

    /// When the service heard of one of these for the last time.
    fn last_heard(&self, workers: &[WorkerId]) -> Instant {
        self.world
            .with(|state| {
                let heard = workers.iter().filter_map(|worker| state.heard.get(worker));
                heard.map(|heard| heard.last).max()
            })
            .unwrap_or_else(Instant::now)
    }

    /// Requests of each kind per second since this was asked last.
    fn take_rates(&self, over: Duration) -> BTreeMap<&'static str, f64> {
        let calls = self.world.with(|state| std::mem::take(&mut state.calls));
        let rate = |count: u64| count as f64 / over.as_secs_f64();
        calls
            .into_iter()
            .map(|(name, count)| (name, rate(count)))
            .collect()
    }
}

fn start_worker(world: &Arc<World>, worker: WorkerId) -> WorkerHandle {
    let config = WorkerConfig::new(GROUP)
        .with_heartbeat(HEARTBEAT)
        .with_timeout(TIMEOUT)
        .with_margin(Duration::from_secs(1))
        .with_clock(WallClock::default());
    let link = Link::new(Arc::clone(world), worker);
    Worker::new(link, config, |_: ShardBatch| async { Ok(()) })
        .with_consumer(format!("w{}", worker.0))
        .start()
        .expect("the settings leave room for heartbeats")
}

fn intervals(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() / HEARTBEAT.as_secs_f64()
}

/// The memory of this process that is not swapped out, in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
