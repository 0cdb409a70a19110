use std::time::Duration;

use sls_consumer::{Phase, ShardBatch};
use sls_core::model::{CursorPosition, ShardId};

use crate::support::{Seen, World, second};

#[tokio::test(start_paused = true)]
async fn a_bounded_run_processes_everything_once_saves_it_and_ends() {
    let world = World::new(4).await;
    world.write(0, 40).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seen = Seen::default();
    let config = world.config().until(second(1));
    let mut worker = world.start("a", config, seen.processor());
    let report = worker.wait().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.logs, report.shards.len()), (40, 4));
    assert_eq!(seen.numbers(), (0..40).collect::<Vec<_>>());
    assert_eq!(worker.wait().await.logs, 40, "the same report again");
    // A second run finds nothing left.
    let config = world.config().until(second(1));
    assert_eq!(
        world.start("b", config, seen.processor()).wait().await.logs,
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_up_to_a_time_in_the_future_waits_for_it() {
    let world = World::new(1).await;
    let seen = Seen::default();
    let config = world.config().until(second(60));
    let mut worker = world.start("a", config, seen.processor());
    for number in 0..59 {
        world.write(number, 1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let report = worker.wait().await;
    assert!(world.clock_seconds() >= 60);
    assert_eq!(report.logs, 59);
}

#[tokio::test(start_paused = true)]
async fn a_bounded_run_with_order_ends_although_a_shard_was_split_after_its_time() {
    let world = World::new(1).await;
    world.write(0, 10).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // The parent goes on behind the end of the run, so its children wait for ever.
    world.write(10, 10).await;
    world.split(0).await;
    world.write(20, 10).await;
    let seen = Seen::default();
    let config = world.config().with_in_order(true).until(second(1));
    let mut worker = world.start("a", config, seen.processor());
    let report = tokio::time::timeout(Duration::from_secs(600), worker.wait()).await;
    assert!(report.unwrap().is_clean());
    assert_eq!(seen.numbers(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_query_runs_at_the_service_and_what_it_drops_is_passed() {
    let world = World::new(1).await;
    world.write(0, 20).await;
    let seen = Seen::default();
    let config = world
        .config()
        .with_query("* | where cast(number as bigint) >= 15")
        .until(second(1));
    let mut worker = world.start("a", config, seen.processor());
    worker.wait().await;
    assert_eq!(seen.numbers(), [15, 16, 17, 18, 19]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_starts_at_the_end_and_dies_at_once_leaves_no_gap() {
    let world = World::new(1).await;
    world.write(0, 5).await;
    let config = || world.config().with_start(CursorPosition::End);
    let first = world.start("a", config(), |_: ShardBatch| async { Ok(()) });
    while world.saved(0).await.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(first);
    world.write(5, 5).await;
    let seen = Seen::default();
    let _second = world.start("a", config(), seen.processor());
    seen.wait(5).await;
    assert_eq!(seen.numbers(), [5, 6, 7, 8, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_shard_stays_and_hands_nothing_over_until_it_is_resumed() {
    let world = World::new(1).await;
    let seen = Seen::default();
    let mut worker = world.start("a", world.config(), seen.processor());
    worker.pause(ShardId(0));
    world.write(0, 5).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(seen.all(), []);
    assert_eq!(worker.progress()[0].phase, Phase::Paused);
    worker.resume(ShardId(0));
    seen.wait(5).await;
    assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_expired_is_reported_and_reading_goes_on_at_the_oldest_log() {
    let world = World::new(1).await;
    world.write(0, 3).await;
    let seen = Seen::default();
    let mut worker = world.start("a", world.config(), seen.processor());
    seen.wait(3).await;
    worker.shutdown(Duration::from_secs(5)).await;
    // What it is about to read has expired when it comes back.
    world.write(3, 3).await;
    world
        .service
        .advance(Duration::from_secs(31 * 24 * 60 * 60));
    world.write(6, 3).await;
    let mut worker = world.start("a", world.config(), seen.processor());
    seen.wait(6).await;
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(seen.numbers(), [0, 1, 2, 6, 7, 8]);
    assert_eq!(report.expired, 1);
}

#[tokio::test(start_paused = true)]
async fn successors_of_a_split_shard_are_read_after_it_in_a_group_with_order() {
    let world = World::new(1).await;
    world.write(0, 2000).await;
    world.split(0).await;
    world.write(2000, 100).await;
    let seen = Seen::default();
    let config = world.config().with_in_order(true).with_count(100);
    let _worker = world.start("a", config, seen.processor());
    seen.wait(2100).await;
    let numbers: Vec<_> = seen.all().into_iter().map(|(_, number)| number).collect();
    assert!(numbers[..2000].iter().copied().eq(0..2000));
    assert_eq!(seen.numbers(), (0..2100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn lag_is_how_long_ago_the_service_received_what_was_processed_last() {
    let world = World::new(1).await;
    world.write(0, 3).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    let hold = |batch: ShardBatch| async move {
        if batch.rows().any(|row| row.text("number").unwrap() == "1") {
            std::future::pending::<()>().await;
        }
        Ok(())
    };
    let worker = world.start("a", world.config().with_count(1), hold);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let progress = &worker.progress()[0];
    assert_eq!((progress.logs, progress.phase), (1, Phase::Processing));
    assert!(
        progress.lag.unwrap() >= Duration::from_secs(100),
        "{progress:?}"
    );
    assert!(progress.last_success.unwrap() >= second(100));
}
