use std::time::Duration;

use sls_consumer::{Error, FileCheckpoints, Processor, Worker, WorkerConfig, WorkerHandle};
use sls_core::model::CursorPosition;
use sls_local::Fault;

use crate::support::{Seen, World, second};

fn start(world: &World, config: WorkerConfig, processor: impl Processor) -> WorkerHandle {
    let worker = Worker::alone(world.logstore.clone(), config, processor);
    worker.start().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_worker_alone_reads_all_shards_and_needs_no_group() {
    let world = World::new(4).await;
    world.write(0, 40).await;
    let seen = Seen::default();
    let config = world
        .config()
        .with_query("* | where cast(number as bigint) >= 10")
        .until(second(1));
    let report = start(&world, config, seen.processor()).wait().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(seen.numbers(), (10..40).collect::<Vec<_>>());
    assert_eq!(world.saved(0).await, None, "no group, no checkpoint of it");
}

#[tokio::test(start_paused = true)]
async fn begin_end_and_time_are_where_it_begins() {
    let world = World::new(2).await;
    world.write(0, 4).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.write(4, 4).await;
    for (start_at, wanted) in [
        (CursorPosition::Begin, 0..8),
        (CursorPosition::At(second(5)), 4..8),
        (CursorPosition::End, 8..8),
    ] {
        let seen = Seen::default();
        let config = world.config().with_start(start_at).until(second(11));
        start(&world, config, seen.processor()).wait().await;
        assert_eq!(seen.numbers(), wanted.collect::<Vec<_>>(), "{start_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_alone_follows_a_split() {
    let world = World::new(1).await;
    world.write(0, 5).await;
    let seen = Seen::default();
    let _worker = start(&world, world.config(), seen.processor());
    seen.wait(5).await;
    world.split(0).await;
    world.write(5, 10).await;
    seen.wait(15).await;
    assert_eq!(seen.numbers(), (0..15).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn shards_that_cannot_be_listed_for_long_are_read_all_the_same_and_once() {
    let world = World::new(2).await;
    world.write(0, 4).await;
    let seen = Seen::default();
    let mut worker = start(&world, world.config(), seen.processor());
    seen.wait(4).await;
    // Longer than any lease.
    world
        .service
        .inject(Fault::refuse(500, "InternalServerError").on_operation("ListShards"));
    tokio::time::sleep(Duration::from_secs(120)).await;
    world.write(4, 4).await;
    seen.wait(8).await;
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(seen.numbers(), (0..8).collect::<Vec<_>>());
    assert_eq!(
        (report.lost, report.error.is_none()),
        (0, true),
        "{report:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_takes_longer_than_a_heartbeat_costs_no_lease() {
    let world = World::new(2).await;
    let seen = Seen::default();
    let config = world
        .config()
        .with_heartbeat(Duration::from_millis(200))
        .with_timeout(Duration::from_secs(1));
    let mut worker = start(&world, config, seen.processor());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let slow = Fault::delay(Duration::from_secs(20)).on_operation("ListShards");
    world.service.inject(slow);
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.write(0, 4).await;
    seen.wait(4).await;
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.lost, seen.numbers().len()), (0, 4), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn with_checkpoints_in_files_the_next_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(2).await;
    for from in [0, 6] {
        world.write(from, 6).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let seen = Seen::default();
        let config = world.config().until(second(world.clock_seconds() - 1));
        let worker = Worker::alone(world.logstore.clone(), config, seen.processor());
        let checkpoints = FileCheckpoints::open(folder.path()).unwrap();
        let mut worker = worker.with_checkpoints(checkpoints).start().unwrap();
        let report = worker.wait().await;
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(seen.numbers(), (from..from + 6).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn order_across_a_split_is_refused_instead_of_broken() {
    let world = World::new(1).await;
    let seen = Seen::default();
    let config = world.config().with_in_order(true);
    let report = start(&world, config, seen.processor()).wait().await;
    let error = report.error.unwrap();
    let Error::Group { .. } = &*error else {
        panic!("{error:?}");
    };
}
