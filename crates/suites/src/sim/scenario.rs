use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sls_consumer::{FailurePolicy, Worker, WorkerConfig, WorkerHandle};
use sls_core::api::{
    CreateLogstore, CreateProject, GetCursor, ListShards, MergeShards, PutBody, PutLogs, SplitShard,
};
use sls_core::model::{
    CursorPosition, HashKey, Log, LogGroup, LogstoreConfig, Shard, ShardId, ShardStatus,
};
use sls_core::wire::{Compression, EncodedGroup};
use tokio::time::{Instant, sleep};

use super::gate::Gate;
use super::judge::{Judge, WorkerId};
use super::network::Link;
use super::processor::Watched;
use super::server::Server;
use super::world::{GROUP, HEARTBEAT, LOGSTORE, PROJECT, SETTLE, TIMEOUT, WallClock, World};
use super::{Flaw, Outcome};
use crate::random::Random;

/// How long things go wrong.
const TROUBLE: Duration = Duration::from_secs(120);
/// How soon everything must be processed after that.
const RECOVERY: Duration = Duration::from_secs(180);
/// How long a worker that leaves may take.
const LEAVE: Duration = Duration::from_secs(60);
/// The most shards that are made.
const MOST_SHARDS: usize = 12;

/// One worker process.
struct Member {
    handle: WorkerHandle,
    gate: Gate,
    clock: WallClock,
}

struct Scenario {
    world: Arc<World>,
    members: BTreeMap<WorkerId, Member>,
    most_members: usize,
    in_order: bool,
    count: u32,
    workers: u32,
    written: u32,
}

/// Runs it from beginning to end.
pub(super) async fn run(seed: u64, flaw: Option<Flaw>, with_trace: bool) -> Outcome {
    let mut random = Random::new(seed);
    let in_order = random.below(2) == 0;
    let shards = random.between(1, 5) as u32;
    let most_members = random.between(2, 6) as usize;
    let count = random.between(1, 12) as u32;
    // A disk takes time, so not for all.
    let server = Server::new(WallClock::default(), seed % 16 == 5);
    let world = World::new(random, Judge::new(in_order), server, flaw, with_trace);
    let mut scenario = Scenario {
        world,
        members: BTreeMap::new(),
        most_members,
        in_order,
        count,
        workers: 0,
        written: 0,
    };
    if let Err(error) = scenario.play(shards).await {
        scenario.violate(format!("the service refused: {error}"));
    }
    scenario.world.with(|state| {
        let (logs, repeated) = state.judge.counts();
        Outcome {
            events: state.events,
            logs,
            repeated,
            violations: std::mem::take(&mut state.judge.violations),
            trace: state.trace.take().unwrap_or_default(),
        }
    })
}

impl Scenario {
    async fn play(&mut self, shards: u32) -> Result<(), sls_core::Error> {
        self.world.ask(&CreateProject::new(PROJECT, ""))?;
        let config = LogstoreConfig::named(LOGSTORE).with_shard_count(shards);
        self.world.ask(&CreateLogstore::new(PROJECT, config))?;
        for shard in self.shards()? {
            self.opened(shard.id, Vec::new())?;
        }
        self.write(20)?;
        self.enlist();
        let end = Instant::now() + TROUBLE;
        while Instant::now() < end {
            let pause = self.pick(1, 1500);
            sleep(Duration::from_millis(pause)).await;
            self.happen().await?;
        }
        self.recover().await;
        self.leave().await;
        Ok(())
    }

    /// Something happens.
    async fn happen(&mut self) -> Result<(), sls_core::Error> {
        match self.pick(0, 99) {
            // Whoever asks a server that is down is none of the workers, and waits.
            0..=34 | 83..=89 if self.world.with(|state| state.is_down) => {}
            0..=34 => {
                let logs = self.pick(1, 12);
                self.write(logs as u32)?;
            }
            35..=47 => self.enlist(),
            48..=52 => self.crash(),
            53..=56 => self.dismiss(),
            57..=68 => self.freeze(),
            69..=78 => self.cut_off(),
            79..=82 => self.restart(),
            83..=86 => self.split()?,
            87..=89 => self.merge()?,
            90..=95 => self.jump(),
            _ => {}
        }
        Ok(())
    }

    /// Everything works again, and everything has to get done.
    async fn recover(&mut self) {
        self.note("recovery");
        self.world.with(|state| {
            state.has_trouble = false;
            state.cut_off.clear();
        });
        self.world.bring_up();
        for (worker, member) in &self.members {
            self.world.with(|state| state.judge.freeze(*worker, false));
            member.gate.open();
        }
        if self.members.is_empty() {
            self.enlist();
        }
        let end = Instant::now() + RECOVERY;
        while !self.world.with(|state| state.judge.is_all_done()) {
            if Instant::now() >= end {
                let missing = self.world.with(|state| state.judge.missing());
                self.violate(format!("{missing} logs are lost"));
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// All leave in order.
    async fn leave(&mut self) {
        for (worker, mut member) in std::mem::take(&mut self.members) {
            let report = member.handle.shutdown(LEAVE).await;
            self.note(&format!("{worker:?} left: {report}"));
            if let Some(error) = &report.error {
                self.violate(format!("{worker:?} ended with {error}"));
            }
            if report.shards.iter().any(|shard| shard.reason.is_none()) {
                self.violate(format!("{worker:?} did not end in order: {report}"));
            }
            self.world.with(|state| state.judge.died(worker));
        }
    }

    fn enlist(&mut self) {
        if self.members.len() >= self.most_members {
            return;
        }
        self.workers += 1;
        let worker = WorkerId(self.workers);
        self.note(&format!("{worker:?} starts"));
        let (gate, clock) = (Gate::default(), WallClock::default());
        // One that does not fence believes that the service waits for it all day.
        let flaw = self.world.flaw;
        let timeout = match flaw {
            Some(Flaw::NoFencing) => Duration::from_secs(24 * 60 * 60),
            _ => TIMEOUT,
        };
        let settle = match flaw {
            Some(Flaw::NoSettling) => Duration::ZERO,
            _ => SETTLE,
        };
        let (first, longest) = (Duration::from_millis(50), Duration::from_secs(2));
        let config = WorkerConfig::new(GROUP)
            .with_in_order(self.in_order)
            .with_heartbeat(HEARTBEAT)
            .with_timeout(timeout)
            .with_margin(Duration::from_secs(1))
            .with_settle(settle)
            .with_idle(Duration::from_secs(1))
            .with_save_interval(Duration::from_secs(1))
            .with_count(self.count)
            .with_on_failure(FailurePolicy::retry_forever().with_pauses(first, longest))
            .with_clock(clock.clone());
        let link = Link::new(Arc::clone(&self.world), worker);
        let processor = Watched::new(Arc::clone(&self.world), worker);
        let guard = gate.clone();
        let handle = Worker::new(link, config, processor)
            .with_consumer(format!("w{}", worker.0))
            .with_task_wrapper(move |task| guard.guard(task))
            .start()
            .expect("the settings leave room for heartbeats");
        let member = Member {
            handle,
            gate,
            clock,
        };
        self.members.insert(worker, member);
    }

    fn crash(&mut self) {
        let Some(worker) = self.somebody() else {
            return;
        };
        self.note(&format!("{worker:?} crashes"));
        self.members.remove(&worker);
        self.world.with(|state| state.judge.died(worker));
    }

    /// Lets one leave in order, while trouble goes on.
    fn dismiss(&mut self) {
        let Some(worker) = self.somebody() else {
            return;
        };
        let Some(mut member) = self.members.remove(&worker) else {
            return;
        };
        self.note(&format!("{worker:?} is told to leave"));
        member.gate.open();
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            world.with(|state| state.judge.freeze(worker, false));
            let report = member.handle.shutdown(Duration::from_secs(20)).await;
            world.note(format_args!("{worker:?} left: {report}"));
            drop(member);
            world.with(|state| state.judge.died(worker));
        });
    }

    fn freeze(&mut self) {
        let Some(worker) = self.somebody() else {
            return;
        };
        let Some(member) = self.members.get(&worker) else {
            return;
        };
        let length = Duration::from_millis(self.pick(50, 25_000));
        self.note(&format!("{worker:?} is frozen for {length:?}"));
        self.world.with(|state| state.judge.freeze(worker, true));
        member.gate.shut();
        let (world, gate) = (Arc::clone(&self.world), member.gate.clone());
        tokio::spawn(async move {
            sleep(length).await;
            world.note(format_args!("{worker:?} goes on"));
            world.with(|state| state.judge.freeze(worker, false));
            gate.open();
        });
    }

    fn cut_off(&mut self) {
        let Some(worker) = self.somebody() else {
            return;
        };
        let length = Duration::from_millis(self.pick(100, 25_000));
        self.note(&format!("{worker:?} is cut off for {length:?}"));
        self.world.with(|state| state.cut_off.insert(worker));
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            sleep(length).await;
            world.with(|state| state.cut_off.remove(&worker));
        });
    }

    fn restart(&mut self) {
        let length = Duration::from_millis(self.pick(100, 12_000));
        self.note(&format!("the server restarts, which takes {length:?}"));
        self.world.take_down();
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            sleep(length).await;
            world.bring_up();
        });
    }

    fn jump(&mut self) {
        let Some(worker) = self.somebody() else {
            return;
        };
        let millis = self.pick(0, 7_200_000) as i64 - 3_600_000;
        self.note(&format!("the clock of {worker:?} jumps by {millis} ms"));
        if let Some(member) = self.members.get(&worker) {
            member.clock.jump(millis);
        }
    }

    fn write(&mut self, logs: u32) -> Result<(), sls_core::Error> {
        for _ in 0..logs {
            let number = self.written;
            self.written += 1;
            let key = HashKey(u128::from(self.pick(0, u64::MAX)) << 64);
            let log = Log::at(1).with("number", number.to_string());
            let group = EncodedGroup::from(&LogGroup::new(vec![log]));
            let body = PutBody::new(&group, Compression::None);
            let put = PutLogs::new(PROJECT, LOGSTORE, body).with_hash_key(key);
            self.world.with(|state| state.judge.wrote(number));
            self.world.ask(&put)?;
        }
        Ok(())
    }

    fn split(&mut self) -> Result<(), sls_core::Error> {
        let Some(shard) = self.writable()? else {
            return Ok(());
        };
        let middle = HashKey(shard.begin.0 / 2 + shard.end.0 / 2);
        if middle == shard.begin || self.shards()?.len() >= MOST_SHARDS {
            return Ok(());
        }
        self.note(&format!("shard {} is split", shard.id));
        let made = self
            .world
            .ask(&SplitShard::new(PROJECT, LOGSTORE, shard.id, middle))?;
        self.follow(&made.0, &[shard.id])
    }

    fn merge(&mut self) -> Result<(), sls_core::Error> {
        let Some(shard) = self.writable()? else {
            return Ok(());
        };
        if shard.end == HashKey::MAX || self.shards()?.len() >= MOST_SHARDS {
            return Ok(());
        }
        self.note(&format!("shard {} is merged", shard.id));
        let made = self
            .world
            .ask(&MergeShards::new(PROJECT, LOGSTORE, shard.id))?;
        let parents: Vec<_> = made.0[1..].iter().map(|shard| shard.id).collect();
        self.follow(&made.0, &parents)
    }

    /// Tells the judge what became of `parents`.
    fn follow(&self, made: &[Shard], parents: &[ShardId]) -> Result<(), sls_core::Error> {
        for parent in parents {
            let end = self.position(*parent, CursorPosition::End)?;
            self.world.with(|state| state.judge.closed(*parent, end));
        }
        for shard in made.iter().filter(|shard| !parents.contains(&shard.id)) {
            self.opened(shard.id, parents.to_vec())?;
        }
        Ok(())
    }

    fn opened(&self, shard: ShardId, parents: Vec<ShardId>) -> Result<(), sls_core::Error> {
        let begin = self.position(shard, CursorPosition::Begin)?;
        self.world
            .with(|state| state.judge.opened(shard, begin, parents));
        Ok(())
    }

    fn position(&self, shard: ShardId, at: CursorPosition) -> Result<u64, sls_core::Error> {
        let cursor = self
            .world
            .ask(&GetCursor::new(PROJECT, LOGSTORE, shard, at))?;
        Ok(cursor.position().unwrap_or_default())
    }

    fn shards(&self) -> Result<Vec<Shard>, sls_core::Error> {
        let list = self.world.ask(&ListShards::new(PROJECT, LOGSTORE))?;
        Ok(list.0)
    }

    fn writable(&self) -> Result<Option<Shard>, sls_core::Error> {
        let mut shards = self.shards()?;
        shards.retain(|shard| shard.status == ShardStatus::ReadWrite);
        if shards.is_empty() {
            return Ok(None);
        }
        let index = self.pick(0, shards.len() as u64 - 1) as usize;
        Ok(Some(shards.swap_remove(index)))
    }

    fn somebody(&self) -> Option<WorkerId> {
        let workers: Vec<_> = self.members.keys().copied().collect();
        let last = workers.len().checked_sub(1)?;
        workers.get(self.pick(0, last as u64) as usize).copied()
    }

    /// A number from `low` to `high`, both included.
    fn pick(&self, low: u64, high: u64) -> u64 {
        self.world.with(|state| {
            let bits = state.random.bits();
            match (high - low).checked_add(1) {
                Some(count) => low + bits % count,
                None => bits,
            }
        })
    }

    fn note(&self, what: &str) {
        self.world.note(format_args!("{what}"));
    }

    fn violate(&self, what: String) {
        self.world.with(|state| state.judge.violations.push(what));
    }
}
