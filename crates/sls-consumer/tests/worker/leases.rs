use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use sls_consumer::{Error, Processor, ShardBatch, ShardStop, StopReason, Worker};
use sls_core::BoxError;
use sls_core::api::DeleteConsumerGroup;
use sls_core::model::ShardId;
use sls_local::Fault;

use crate::support::{Seen, World};

/// Works on a batch in steps of a second and counts them.
#[derive(Clone, Default)]
struct Stepping {
    steps: Arc<AtomicU32>,
    lost: Arc<AtomicBool>,
}

impl Processor for Stepping {
    async fn process(&self, _: &ShardBatch) -> Result<(), BoxError> {
        for _ in 0..1000 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.steps.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    async fn stopped(&self, stop: &ShardStop) {
        self.lost
            .store(stop.reason == StopReason::LeaseLost, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn without_answers_the_batch_in_hand_is_cut_before_the_service_gives_the_shard_away() {
    let world = World::new(1).await;
    world.write(0, 1).await;
    let processor = Stepping::default();
    let worker = world.start("a", world.config(), processor.clone());
    tokio::time::sleep(Duration::from_secs(1)).await;
    world
        .service
        .inject(Fault::refuse(503, "ServerBusy").on_operation("HeartBeat"));
    tokio::time::sleep(Duration::from_secs(600)).await;
    // 30 seconds of timeout without 3 of margin, counted from the only answered heartbeat.
    let steps = processor.steps.load(Ordering::SeqCst);
    assert_eq!(steps, 26);
    assert!(processor.lost.load(Ordering::SeqCst));
    let begin = world.logstore.stored()[0].cursor.position();
    assert_eq!(world.saved(0).await, begin, "where it was");
    assert!(worker.progress().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_trouble_a_worker_joins_again_and_reads_on_at_its_checkpoint() {
    let world = World::new(2).await;
    world.write(0, 10).await;
    let seen = Seen::default();
    let mut worker = world.start("a", world.config(), seen.processor());
    seen.wait(10).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let trouble = Fault::refuse(503, "ServerBusy").on_operation("HeartBeat");
    let trouble = world.service.inject(trouble);
    tokio::time::sleep(Duration::from_secs(100)).await;
    world.service.remove_fault(trouble);
    world.write(10, 10).await;
    seen.wait(20).await;
    assert_eq!(
        seen.numbers(),
        (0..20).collect::<Vec<_>>(),
        "and nothing twice"
    );
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.lost, 1);
    assert!(report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_the_service_forgot_drops_its_shards_and_joins_again() {
    let world = World::new(1).await;
    world.write(0, 1).await;
    let processor = Stepping::default();
    let worker = world.start("a", world.config(), processor.clone());
    tokio::time::sleep(Duration::from_secs(2)).await;
    world
        .service
        .fail_next("HeartBeat", 400, "NotExistConsumerWithBody");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let steps = processor.steps.load(Ordering::SeqCst);
    assert!(
        processor.lost.load(Ordering::SeqCst),
        "it dropped the batch in hand"
    );
    assert!(steps <= 5);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(worker.progress().len(), 1, "and has the shard again");
    assert!(processor.steps.load(Ordering::SeqCst) > steps);
}

#[tokio::test(start_paused = true)]
async fn after_a_heartbeat_that_a_gateway_gave_up_new_shards_wait_until_it_must_have_arrived() {
    for (status, code, is_open) in [
        (503, "ServerBusy", false),
        (500, "InternalServerError", true),
        (502, "BadGateway", true),
        (504, "GatewayTimeout", true),
    ] {
        let world = World::new(1).await;
        let worker = world.start("a", world.config(), Seen::default().processor());
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.split(0).await;
        world.service.fail_next("HeartBeat", status, code);
        let has_child = || {
            let progress = worker.progress();
            progress.iter().any(|shard| shard.shard == ShardId(1))
        };
        // The heartbeat of the 5th second fails, and that half a second later gives the child.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(has_child(), !is_open, "{status}");
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(has_child(), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_deleted_is_made_again() {
    let world = World::new(1).await;
    let seen = Seen::default();
    let _worker = world.start("a", world.config(), seen.processor());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let delete = DeleteConsumerGroup::new("shop", "orders", "g");
    world.service.perform(&delete).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.write(0, 3).await;
    seen.wait(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_logstore_that_does_not_exist_ends_the_worker() {
    let world = World::new(1).await;
    let nowhere = world.service.logstore("shop", "nowhere");
    let mut worker = Worker::new(nowhere, world.config(), |_: ShardBatch| async { Ok(()) })
        .start()
        .unwrap();
    let report = worker.wait().await;
    assert!(
        matches!(report.error.as_deref(), Some(Error::Group { .. })),
        "{report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_not_accepted_ends_the_worker() {
    let world = World::new(1).await;
    world.write(0, 1).await;
    let config = world.config().with_query("* | nonsense");
    let report = world
        .start("a", config, Seen::default().processor())
        .wait()
        .await;
    assert!(
        matches!(report.error.as_deref(), Some(Error::Reading { .. })),
        "{report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_is_dropped_stops_the_worker_at_once() {
    let world = World::new(1).await;
    world.write(0, 1).await;
    let processor = Stepping::default();
    let worker = world.start("a", world.config(), processor.clone());
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(worker);
    tokio::task::yield_now().await;
    let steps = processor.steps.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(processor.steps.load(Ordering::SeqCst), steps);
}
