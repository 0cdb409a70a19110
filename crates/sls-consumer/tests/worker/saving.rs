use std::sync::{Arc, Mutex};
use std::time::Duration;

use sls_consumer::Worker;
use sls_core::model::{Cursor, ShardId};
use sls_core::service::{CheckpointStore, SaveCheckpoint, StoreFuture};
use sls_core::{Call, Error, ErrorCode, RequestId};
use sls_local::LocalLogstore;
use tokio::time::{Instant, sleep};

use crate::support::{Seen, World};

/// How long the first save is on its way.
const LATE: Duration = Duration::from_secs(6);

/// What becomes of the first save, before it is performed after all.
#[derive(Debug, Clone, Copy)]
enum First {
    /// Something on the way gives up with this status.
    Answered(u16),
    /// Nothing is heard of it.
    Silent,
}

/// When a position was saved, or was about to be.
type Saves = Arc<Mutex<Vec<(Instant, u64)>>>;

/// Over a way on which the first save is late.
#[derive(Debug, Clone)]
struct LateStore {
    inner: LocalLogstore,
    first: First,
    saves: Saves,
    loads: Arc<Mutex<Vec<Instant>>>,
}

impl LateStore {
    fn new(world: &World, first: First) -> Self {
        Self {
            inner: world.logstore.clone(),
            first,
            saves: Saves::default(),
            loads: Arc::default(),
        }
    }

    fn saves(&self) -> Vec<(Instant, u64)> {
        self.saves.lock().unwrap().clone()
    }

    fn loads(&self) -> Vec<Instant> {
        self.loads.lock().unwrap().clone()
    }
}

impl CheckpointStore for LateStore {
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        self.loads.lock().unwrap().push(Instant::now());
        self.inner.load(group, shard)
    }

    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        let mut saves = self.saves.lock().unwrap();
        saves.push((Instant::now(), checkpoint.cursor.position().unwrap()));
        if saves.len() > 1 {
            return self.inner.save(checkpoint);
        }
        let inner = self.inner.clone();
        let group = checkpoint.group.to_owned();
        let (shard, cursor) = (checkpoint.shard, checkpoint.cursor.clone());
        let consumer = checkpoint.consumer.clone();
        tokio::spawn(async move {
            sleep(LATE).await;
            let late = SaveCheckpoint {
                group: &group,
                shard,
                cursor: &cursor,
                consumer: &consumer,
                only_while_held: true,
            };
            // Refused when the shard is another's by then.
            let _ = inner.save(late).await;
        });
        let first = self.first;
        Box::pin(async move {
            match first {
                First::Silent => std::future::pending().await,
                First::Answered(status) => Err(Error::Service {
                    call: Call::new("UpdateCheckPoint", "shop/orders"),
                    code: ErrorCode::Other("BadGateway".to_owned()),
                    status,
                    request_id: RequestId::default(),
                    message: String::new(),
                }),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_save_that_may_still_arrive_no_newer_one_is_sent_until_it_must_have() {
    for first in [
        First::Answered(500),
        First::Answered(502),
        First::Answered(504),
        First::Silent,
    ] {
        let world = World::new(1).await;
        let store = LateStore::new(&world, first);
        let seen = Seen::default();
        let worker = Worker::new(world.logstore.clone(), world.config(), seen.processor())
            .with_checkpoints(store.clone())
            .start()
            .unwrap();
        world.write(0, 3).await;
        seen.wait(3).await;
        while store.saves().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        world.write(3, 3).await;
        sleep(Duration::from_secs(60)).await;
        let saves = store.saves();
        let (began, position) = saves[0];
        let settled = began + Duration::from_secs(10);
        assert!(
            saves
                .iter()
                .all(|(at, saved)| *saved == position || *at >= settled),
            "{first:?}: {saves:?}"
        );
        assert!(saves.len() > 1, "{first:?}: it was tried again");
        assert_eq!(world.saved(0).await, Some(position + 3), "{first:?}");
        drop(worker);
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_without_an_answer_is_sent_again_within_a_third_of_the_lease() {
    let world = World::new(1).await;
    let store = LateStore::new(&world, First::Silent);
    let seen = Seen::default();
    let _worker = Worker::new(world.logstore.clone(), world.config(), seen.processor())
        .with_checkpoints(store.clone())
        .start()
        .unwrap();
    world.write(0, 3).await;
    sleep(Duration::from_secs(30)).await;
    let saves = store.saves();
    let [first, second] = [saves[0].0, saves[1].0];
    // 30 seconds of timeout without 3 of margin, and the pause after a failure.
    let patience = Duration::from_secs(9) + Duration::from_millis(100);
    assert_eq!(second - first, patience, "{saves:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_comes_back_waits_for_its_save_that_may_still_arrive() {
    let world = World::new(1).await;
    let store = LateStore::new(&world, First::Silent);
    let seen = Seen::default();
    let worker = Worker::new(world.logstore.clone(), world.config(), seen.processor())
        .with_checkpoints(store.clone())
        .start()
        .unwrap();
    world.write(0, 3).await;
    while store.saves().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    // It loses everything, and has it again with the next heartbeat.
    world
        .service
        .fail_next("HeartBeat", 400, "NotExistConsumerWithBody");
    sleep(Duration::from_secs(60)).await;
    let (loads, (sent, _)) = (store.loads(), store.saves()[0]);
    assert_eq!(loads.len(), 2);
    assert!(
        loads[1] - sent >= LATE,
        "{:?} after the save was sent",
        loads[1] - sent
    );
    assert_eq!(seen.numbers(), [0, 1, 2], "nothing twice");
    assert_eq!(worker.progress().len(), 1);
}
