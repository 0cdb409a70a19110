use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sls_consumer::{ShardBatch, Worker};
use sls_core::Error;
use sls_core::model::{ConsumerGroup, ConsumerName, ShardId};
use sls_core::service::{CheckpointStore, GroupCoordinator};
use sls_local::LocalLogstore;
use tokio::sync::watch;

use crate::support::World;

/// How long the test is stuck before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells of every heartbeat.
struct Heard(LocalLogstore, SyncSender<()>);

impl GroupCoordinator for Heard {
    async fn ensure_group(&self, group: &ConsumerGroup) -> Result<(), Error> {
        self.0.ensure_group(group).await
    }

    async fn heartbeat(
        &self,
        group: &str,
        consumer: &ConsumerName,
        held: &[ShardId],
    ) -> Result<Vec<ShardId>, Error> {
        // Nobody listens for as long as nobody is blocked.
        let _ = self.1.try_send(());
        self.0.heartbeat(group, consumer, held).await
    }
}

/// Blocks its thread until three heartbeats were heard after all are blocked.
fn block(heard: &Mutex<Receiver<()>>) -> bool {
    let heard = heard.lock().unwrap();
    // What came before does not count.
    while heard.try_recv().is_ok() {}
    (0..3).all(|_| heard.recv_timeout(PATIENCE).is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_go_on_although_processors_block_every_thread() {
    const SHARDS: u32 = 4;
    let world = World::new(SHARDS).await;
    world.write(0, SHARDS).await;
    let (sender, heard) = sync_channel(1);
    let heard = Arc::new(Mutex::new(heard));
    let (outcome, mut outcomes) = watch::channel(Vec::new());
    let processor = move |_: ShardBatch| {
        let (heard, outcome) = (Arc::clone(&heard), outcome.clone());
        async move {
            let is_heard = block(&heard);
            outcome.send_modify(|all| all.push(is_heard));
            Ok(())
        }
    };
    let logstore = Arc::new(world.logstore.clone());
    let store: Arc<dyn CheckpointStore> = Arc::<LocalLogstore>::clone(&logstore);
    let heard = Arc::new(Heard(world.logstore.clone(), sender));
    let config = world.config().with_heartbeat(Duration::from_millis(100));
    let mut worker = Worker::over(logstore, heard, store, config, processor)
        .start()
        .unwrap();
    let done = outcomes.wait_for(|all| all.len() == SHARDS as usize).await;
    assert_eq!(*done.unwrap(), [true; SHARDS as usize]);
    assert!(worker.shutdown(PATIENCE).await.is_clean());
}
