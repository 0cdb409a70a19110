//! A thousand shards and a hundred workers: how soon they settle, and what it costs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sls_consumer::{ShardBatch, Worker, WorkerConfig, WorkerHandle};
use sls_core::api::{
    CreateLogstore, CreateProject, ListShards, MergeShards, PutBody, PutLogs, SplitShard,
};
use sls_core::model::{HashKey, Log, LogGroup, LogstoreConfig, Shard, ShardId, ShardStatus};
use sls_core::wire::{Compression, EncodedGroup};
use tokio::time::{Instant, sleep};

use super::judge::{Judge, WorkerId};
use super::network::Link;
use super::world::{GROUP, HEARTBEAT, LOGSTORE, PROJECT, TIMEOUT, World};
use crate::random::Random;

/// How many shards there are, closed ones included.
const SHARDS: usize = 1000;
/// The most that take writes at a time; the service has no more either.
const WRITABLE: u32 = 256;
/// How many workers share them.
const WORKERS: u32 = 100;
/// How long the settled group is watched.
const WATCHED: Duration = Duration::from_secs(30);
/// The longest that it may take to settle.
const LIMIT: Duration = Duration::from_secs(60);

/// What it came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// Until every worker had its share and nobody more, in heartbeat intervals.
    pub intervals: f64,
    /// Of each kind per second, once settled and without news.
    pub requests_per_second: BTreeMap<String, f64>,
    /// What a worker holds for one shard without news, in bytes; `None` where the operating
    /// system does not tell.
    pub bytes_per_shard: Option<u64>,
}

impl Report {
    /// The most heartbeat intervals that settling may take.
    pub const MOST_INTERVALS: f64 = 2.0;
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "scale: {SHARDS} shards and {WORKERS} workers settled in {:.2} heartbeat intervals of {HEARTBEAT:?}",
            self.intervals
        )?;
        let all: f64 = self.requests_per_second.values().sum();
        write!(f, "scale: {all:.0} requests per second without news:")?;
        for (name, rate) in &self.requests_per_second {
            write!(f, " {name} {rate:.1}")?;
        }
        match self.bytes_per_shard {
            Some(bytes) => write!(f, "\nscale: {bytes} bytes per shard"),
            None => f.write_str("\nscale: memory per shard is not known here"),
        }
    }
}

/// Runs it, under virtual time.
///
/// # Errors
/// Says what did not come to pass.
pub fn run() -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(settle())
}

async fn settle() -> Result<Report, String> {
    let world = World::new(Random::new(1), Judge::new(false), None, true);
    world.with(|state| state.has_trouble = false);
    make_shards(&world).map_err(|error| error.to_string())?;
    let before = resident();
    let began = Instant::now();
    let workers: Vec<_> = (1..=WORKERS)
        .map(|number| start(&world, WorkerId(number)))
        .collect();
    while !is_settled(&workers) {
        if began.elapsed() > LIMIT {
            let mut shares: Vec<_> = workers
                .iter()
                .map(|worker| worker.progress().len())
                .collect();
            shares.sort_unstable();
            return Err(format!("not settled after {LIMIT:?}: {shares:?}"));
        }
        sleep(Duration::from_millis(20)).await;
    }
    let intervals = began.elapsed().as_secs_f64() / HEARTBEAT.as_secs_f64();
    // What was written first is processed and saved by then.
    sleep(WATCHED).await;
    world.with(|state| state.trace = Some(Vec::new()));
    sleep(WATCHED).await;
    let trace = world.with(|state| state.trace.take()).unwrap_or_default();
    let after = resident();
    let held: usize = workers.iter().map(|worker| worker.progress().len()).sum();
    let report = Report {
        intervals,
        requests_per_second: rates(&trace),
        bytes_per_shard: before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before) / held.max(1) as u64),
    };
    match intervals <= Report::MOST_INTERVALS {
        true => Ok(report),
        false => Err(format!("settled too late\n{report}")),
    }
}

/// No more than `WRITABLE` shards take writes at a time, so the others are closed ones, with
/// something in them that keeps them from being over.
fn make_shards(world: &World) -> Result<(), sls_core::Error> {
    world.ask(&CreateProject::new(PROJECT, ""))?;
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(WRITABLE);
    world.ask(&CreateLogstore::new(PROJECT, config))?;
    loop {
        let shards = world.ask(&ListShards::new(PROJECT, LOGSTORE))?.0;
        let open = |shard: &&Shard| shard.status == ShardStatus::ReadWrite;
        let writable: Vec<_> = shards.iter().filter(open).collect();
        for shard in &writable {
            let log = Log::at(1).with("number", "1");
            let group = EncodedGroup::from(&LogGroup::new(vec![log]));
            let body = PutBody::new(&group, Compression::None);
            world.ask(&PutLogs::new(PROJECT, LOGSTORE, body).with_hash_key(shard.begin))?;
        }
        if shards.len() >= SHARDS {
            return Ok(());
        }
        let mut made = shards.len();
        let is_wide = writable.len() == WRITABLE as usize;
        for (index, shard) in writable.into_iter().enumerate() {
            if is_wide && index % 2 == 0 && made < SHARDS {
                world.ask(&MergeShards::new(PROJECT, LOGSTORE, shard.id))?;
                made += 1;
            } else if !is_wide && made + 2 <= SHARDS {
                let middle = HashKey(shard.begin.0 / 2 + shard.end.0 / 2);
                world.ask(&SplitShard::new(PROJECT, LOGSTORE, shard.id, middle))?;
                made += 2;
            }
        }
    }
}

fn start(world: &Arc<World>, worker: WorkerId) -> WorkerHandle {
    let config = WorkerConfig::new(GROUP)
        .with_heartbeat(HEARTBEAT)
        .with_timeout(TIMEOUT)
        .with_margin(Duration::from_secs(1));
    let link = Link::new(Arc::clone(world), worker);
    Worker::new(link, config, |_: ShardBatch| async { Ok(()) })
        .with_consumer(format!("w{}", worker.0))
        .start()
        .expect("the settings leave room for heartbeats")
}

/// Whether every shard that is not read to its end is one worker's, in fair shares.
fn is_settled(workers: &[WorkerHandle]) -> bool {
    let mut owners: BTreeMap<ShardId, u32> = BTreeMap::new();
    let mut shares = Vec::new();
    for worker in workers {
        let progress = worker.progress();
        shares.push(progress.len());
        for shard in progress {
            *owners.entry(shard.shard).or_default() += 1;
        }
    }
    let (least, most) = (shares.iter().min(), shares.iter().max());
    let is_fair = least
        .zip(most)
        .is_some_and(|(least, most)| most - least <= 1);
    is_fair && owners.len() == SHARDS && owners.values().all(|count| *count == 1)
}

fn rates(trace: &[String]) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for line in trace {
        // The time, the worker, the operation.
        if let Some(operation) = line.split_whitespace().nth(2) {
            *counts.entry(operation.to_owned()).or_default() += 1.0;
        }
    }
    let seconds = WATCHED.as_secs_f64();
    counts.values_mut().for_each(|count| *count /= seconds);
    counts
}

/// The memory of this process, in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
