//! The process that is killed: a worker of the group that writes a journal.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use sls_client::{Client, Credentials, StaticCredentials};
use sls_consumer::{
    FailurePolicy, Processor, ShardBatch, ShardStart, ShardStop, Worker, WorkerConfig,
};
use sls_core::BoxError;
use suites::clients::Result;
use suites::random::Random;
use tokio::io::AsyncReadExt as _;

use crate::journal::{Journal, What};
use crate::{GROUP, HEARTBEAT, KEY, LOGSTORE, PROJECT, TIMEOUT, now_us};

/// How long leaving may take.
const LEAVE: Duration = Duration::from_secs(20);

/// What a process is told on its command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) endpoint: String,
    pub(crate) journal: PathBuf,
    pub(crate) seed: u64,
}

/// Works until it is killed, or leaves in order when its standard input is closed.
pub(crate) async fn run(task: Task) -> Result<()> {
    let credentials = StaticCredentials::new(Credentials::new(KEY.0, KEY.1));
    let client = Client::builder(task.endpoint.parse()?, credentials).build()?;
    let config = WorkerConfig::new(GROUP)
        .with_heartbeat(HEARTBEAT)
        .with_timeout(TIMEOUT)
        .with_settle(Duration::from_secs(2))
        .with_idle(Duration::from_millis(500))
        .with_count(20)
        .with_on_failure(FailurePolicy::retry_forever());
    let processor = Journaling {
        journal: Journal::open(&task.journal)?,
        random: Mutex::new(Random::new(task.seed)),
    };
    let mut worker = Worker::new(client.logstore(PROJECT, LOGSTORE), config, processor)
        .with_consumer(task.name.as_str())
        .start()?;
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 16];
    let report = tokio::select! {
        // Nothing is ever written there.
        _ = stdin.read(&mut buffer) => worker.shutdown(LEAVE).await,
        report = worker.wait() => report,
    };
    match report.error {
        Some(error) => {
            Err(format!("{} ended: {}", task.name, suites::clients::chain(&*error)).into())
        }
        None if !report.is_clean() => {
            Err(format!("{} did not leave in order: {report}", task.name).into())
        }
        None => Ok(()),
    }
}

/// Writes down what it is handed, at a changing pace; sometimes it fails or panics.
struct Journaling {
    journal: Journal,
    random: Mutex<Random>,
}

impl Journaling {
    fn roll(&self, sides: usize) -> usize {
        let mut random = self
            .random
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        random.below(sides)
    }
}

impl Processor for Journaling {
    async fn process(&self, batch: &ShardBatch) -> Result<(), BoxError> {
        let shard = batch.shard().0;
        let position = |cursor: &sls_core::model::Cursor| {
            cursor
                .position()
                .ok_or_else(|| format!("no position: {cursor}"))
        };
        let (from, to) = (position(batch.cursor())?, position(batch.next_cursor())?);
        let groups: Option<Vec<u64>> = batch
            .groups()
            .map(|group| {
                group
                    .logs()
                    .next()?
                    .get("number")?
                    .to_str()
                    .ok()?
                    .parse()
                    .ok()
            })
            .collect();
        let groups = groups.ok_or("a log without a number")?;
        self.journal
            .write(shard, &What::Handed { from, to, groups })?;

        let pause = Duration::from_millis(self.roll(30) as u64);
        tokio::time::sleep(pause).await;
        let since = now_us();
        match self.roll(1000) {
            0..3 => {
                self.journal.write(shard, &What::Failed)?;
                return Err("failing on purpose".into());
            }
            3 => {
                self.journal.write(shard, &What::Failed)?;
                panic!("on purpose");
            }
            _ => {}
        }
        self.journal.write(shard, &What::Done { to, since })?;
        if batch.checkpointer().save().await.is_ok() {
            self.journal.write(shard, &What::Saved { to })?;
        }
        Ok(())
    }

    async fn started(&self, start: &ShardStart) {
        let _ = self.journal.write(start.shard.0, &What::Started);
    }

    async fn stopped(&self, stop: &ShardStop) {
        let _ = self.journal.write(stop.shard.0, &What::Stopped);
    }
}
