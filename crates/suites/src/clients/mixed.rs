//! A consumer group whose members are another language's library and ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sls_client::LogstoreHandle;
use sls_consumer::{ShardBatch, Worker, WorkerConfig, WorkerHandle};
use sls_core::BoxError;
use tokio::time::{Instant, sleep, timeout};

use super::Result;
use super::takeover::{BACKLOG, GROUP, MOMENT, Member, SHARDS, Source, saved_to_the_end};
use super::world::{Programs, World};

/// What the other members take: twice its heartbeat.
const TIMEOUT: Duration = Duration::from_secs(2);
const LEAVE: Duration = Duration::from_secs(10);
/// How long the members may take for what takes them seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shards move from ours to the other, from the other, which is killed, to ours, and from ours,
/// which leaves, to the other; every log was processed by one of them.
///
/// # Errors
/// When one was not, and when a call fails.
pub async fn nothing_is_missing<P: Programs>(world: &World<P>, program: &str) -> Result<u64> {
    let logstore = world.logstore("mixed", SHARDS).await?;
    let mut source = Source::new(&logstore).await?;
    source.put(2).await?;
    let mut rust = Rust::start(&logstore)?;
    rust.wait_for("all shards", |done| done.len() == SHARDS as usize)
        .await?;

    let mut first = Member::start(world, &logstore, &[program, "first"])?;
    half_each(&mut source, &rust, &mut first).await?;
    let before = source.next;
    source.put(BACKLOG).await?;
    while first.told().all(|number| number < before) {
        first.listen().await?;
    }
    let first = first.kill().await?;
    let all: BTreeSet<u32> = (0..source.next).collect();
    rust.wait_for("what the killed member left", |done| {
        all.iter()
            .all(|n| first.contains(n) || done.values().any(|numbers| numbers.contains(n)))
    })
    .await?;

    let mut second = Member::start(world, &logstore, &[program, "second"])?;
    half_each(&mut source, &rust, &mut second).await?;
    source.put(BACKLOG).await?;
    let report = rust.worker.shutdown(LEAVE).await;
    if !report.is_clean() {
        return Err(format!("the Rust member left badly: {report:?}").into());
    }
    source.put(2).await?;
    let rust: BTreeSet<u32> = rust.done().into_values().flatten().collect();
    let all: BTreeSet<u32> = (0..source.next).collect();
    while !all
        .iter()
        .all(|n| first.contains(n) || rust.contains(n) || second.told().any(|told| told == *n))
    {
        second.listen().await?;
    }
    let answer = second.leave().await?;
    saved_to_the_end(&logstore).await?;
    Ok(answer.calls)
}

/// Puts logs until both have half of the shards.
async fn half_each(source: &mut Source<'_>, rust: &Rust, other: &mut Member) -> Result<()> {
    let half = SHARDS as usize / 2;
    while other.done.len() < half || rust.worker.progress().len() > half {
        source.put(1).await?;
        let _ = timeout(MOMENT, other.listen()).await.ok().transpose()?;
    }
    Ok(())
}

/// The numbers that were processed, by shard.
type Done = BTreeMap<u32, Vec<u32>>;

struct Rust {
    worker: WorkerHandle,
    done: Arc<Mutex<Done>>,
}

impl Rust {
    fn start(logstore: &LogstoreHandle) -> Result<Self> {
        let done = Arc::new(Mutex::new(Done::new()));
        let config = WorkerConfig::new(GROUP)
            .with_heartbeat(Duration::from_millis(300))
            .with_timeout(TIMEOUT)
            .with_settle(Duration::from_millis(500))
            .with_idle(Duration::from_millis(100))
            .with_count(2);
        let note = Arc::clone(&done);
        let processor = move |batch: ShardBatch| {
            let noted = numbers(&batch).map(|numbers| {
                let mut done = note.lock().unwrap_or_else(PoisonError::into_inner);
                done.entry(batch.shard().0).or_default().extend(numbers);
            });
            async move { noted }
        };
        let worker = Worker::new(logstore.clone(), config, processor)
            .with_consumer("rust")
            .start()?;
        Ok(Self { worker, done })
    }

    fn done(&self) -> Done {
        self.done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn wait_for(&self, what: &str, is_there: impl Fn(&Done) -> bool) -> Result<()> {
        let begin = Instant::now();
        while !is_there(&self.done()) {
            if begin.elapsed() > PATIENCE {
                let progress = self.worker.progress();
                return Err(
                    format!("the Rust member does not process {what}: {progress:?}").into(),
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn numbers(batch: &ShardBatch) -> Result<Vec<u32>, BoxError> {
    let number = |row: sls_consumer::Row<'_>| {
        let text = row.text("number").ok_or("a log without a number")?;
        Ok(text.parse()?)
    };
    batch.rows().map(number).collect()
}
