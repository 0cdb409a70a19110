//! The logs that are put: every group has consecutive numbers, and goes to any shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sls_client::LogstoreHandle;
use sls_core::model::HashKey;
use sls_core::wire::{EncodedGroup, GroupEncoder, GroupMeta};
use suites::clients::{Failure, Result};
use suites::random::Random;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{PER_GROUP, Plan};

/// How many puts are under way at a time.
const TASKS: u64 = 4;
/// Between two tries of a put that the client has given up.
const PAUSE: Duration = Duration::from_millis(200);
/// A server that is away for longer is not started again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts that go on beside the chaos.
pub(crate) struct Load {
    tasks: JoinSet<Result<()>>,
    failed: Arc<Failed>,
    put: Put,
    tried: Arc<AtomicU64>,
}

#[derive(Default)]
struct Failed {
    notify: Notify,
}

/// What was put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Put {
    /// Groups that the server has acknowledged: all from number 0 on.
    pub(crate) groups: u64,
    /// Puts that were tried anew after the client had given them up.
    pub(crate) repeated: u64,
}

impl Load {
    /// Spreads the logs over nine tenths of the time.
    pub(crate) fn start(logstore: LogstoreHandle, plan: Plan) -> Self {
        let groups = plan.logs.div_ceil(PER_GROUP);
        let every = plan.during.mul_f64(0.9 / groups as f64);
        let begin = Instant::now();
        let failed = Arc::new(Failed::default());
        let tried = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (logstore, failed, tried) =
                (logstore.clone(), Arc::clone(&failed), Arc::clone(&tried));
            tasks.spawn(async move {
                let mut random = Random::new(plan.seed ^ (task << 32));
                for index in (task..groups).step_by(TASKS as usize) {
                    sleep_until(begin + every.mul_f64(index as f64)).await;
                    let key = u128::from(random.bits()) << 64 | u128::from(random.bits());
                    let put = put(&logstore, &group(index), HashKey(key), &tried).await;
                    if put.is_err() {
                        failed.notify.notify_one();
                        return put;
                    }
                }
                Ok(())
            });
        }
        Self {
            tasks,
            failed,
            put: Put {
                groups,
                repeated: 0,
            },
            tried,
        }
    }

    /// Returns when a log cannot be put.
    pub(crate) async fn failure(&self) -> Failure {
        self.failed.notify.notified().await;
        "the server takes no logs".into()
    }

    /// Returns when all is put.
    pub(crate) async fn finish(mut self) -> Result<Put> {
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        self.put.repeated = self.tried.load(Ordering::Relaxed);
        Ok(self.put)
    }
}

fn group(index: u64) -> EncodedGroup {
    let mut group = GroupEncoder::new();
    for number in index * PER_GROUP..(index + 1) * PER_GROUP {
        group
            .log(1_700_000_000)
            .field("number", number.to_string())
            .field("path", "/cart/items")
            .field("agent", "an agent whose name is neither short nor long");
    }
    group.finish(&GroupMeta::default())
}

async fn put(
    logstore: &LogstoreHandle,
    group: &EncodedGroup,
    key: HashKey,
    repeated: &AtomicU64,
) -> Result<()> {
    let begin = Instant::now();
    loop {
        match logstore.put_routed(group, key).await {
            Ok(()) => return Ok(()),
            Err(error) if begin.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => {
                repeated.fetch_add(1, Ordering::Relaxed);
                sleep(PAUSE).await;
            }
        }
    }
}
