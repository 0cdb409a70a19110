use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sls_consumer::{Error, FailurePolicy, NotSaved, Processor, ShardBatch, ShardStop, StopReason};
use sls_core::BoxError;

use crate::support::{Seen, World, second};

/// Fails so often with the batch that has this number in it, then takes note of all.
fn failing(
    number: u32,
    times: u32,
    with_panic: bool,
    seen: &Seen,
) -> (impl Processor + use<>, Arc<AtomicU32>) {
    let failed = Arc::new(AtomicU32::new(0));
    let (seen, counter) = (seen.clone(), Arc::clone(&failed));
    let processor = move |batch: ShardBatch| {
        let is_it = batch
            .rows()
            .any(|row| row.text("number").unwrap() == number.to_string());
        let fails = is_it && counter.load(Ordering::SeqCst) < times;
        if fails {
            counter.fetch_add(1, Ordering::SeqCst);
            assert_eq!(batch.attempt(), counter.load(Ordering::SeqCst));
        } else {
            seen.note(&batch);
        }
        async move {
            assert!(!(fails && with_panic), "the processor panics");
            if fails {
                Err("not today".into())
            } else {
                Ok(())
            }
        }
    };
    (processor, failed)
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_handed_over_again_and_none_passes_it() {
    for with_panic in [false, true] {
        let world = World::new(1).await;
        world.write(0, 10).await;
        let seen = Seen::default();
        let (processor, failed) = failing(3, 5, with_panic, &seen);
        let mut worker = world.start("a", world.config().with_count(1), processor);
        seen.wait(10).await;
        let report = worker.shutdown(Duration::from_secs(5)).await;
        assert_eq!(failed.load(Ordering::SeqCst), 5);
        let numbers: Vec<_> = seen.all().into_iter().map(|(_, number)| number).collect();
        assert_eq!(
            numbers,
            (0..10).collect::<Vec<_>>(),
            "each once and in order"
        );
        assert_eq!(report.shards[0].progress.failures, 5);
        assert!(report.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_for_good_stops_the_worker_and_stays_for_the_next_one() {
    let world = World::new(1).await;
    world.write(0, 10).await;
    let seen = Seen::default();
    let (processor, _) = failing(3, 99, false, &seen);
    let config = world
        .config()
        .with_count(1)
        .with_on_failure(FailurePolicy::stop().with_attempts(3));
    let report = world.start("a", config, processor).wait().await;
    match report.error.as_deref() {
        Some(Error::Processing {
            attempts: 3, cause, ..
        }) => {
            assert_eq!(cause.to_string(), "not today");
        }
        other => panic!("{other:?}"),
    }
    let again = Seen::default();
    let _next = world.start("a", world.config(), again.processor());
    again.wait(7).await;
    assert_eq!(again.numbers(), (3..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn dead_letters_take_the_batch_unchanged_and_reading_goes_on() {
    let world = World::new(1).await;
    world.write(0, 10).await;
    let config = sls_core::model::LogstoreConfig::named("dead").with_shard_count(1);
    world.service.create_logstore("shop", config).await.unwrap();
    let dead = world.service.logstore("shop", "dead");
    // Also when the dead letters cannot be written at first.
    world.service.inject(
        sls_local::Fault::refuse(500, "InternalServerError")
            .on_operation("PutLogs")
            .times(2),
    );
    let seen = Seen::default();
    let (processor, _) = failing(3, 99, false, &seen);
    let policy = FailurePolicy::dead_letter(dead.clone()).with_attempts(2);
    let config = world.config().with_count(1).with_on_failure(policy);
    let mut worker = world.start("a", config, processor);
    seen.wait(9).await;
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.dead_letters, report.skipped), (1, 0));
    let letters = dead.stored();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].group, world.logstore.stored()[3].group);
}

#[tokio::test(start_paused = true)]
async fn a_skipped_batch_is_counted() {
    let world = World::new(1).await;
    world.write(0, 4).await;
    let seen = Seen::default();
    let (processor, _) = failing(1, 99, true, &seen);
    let config = world
        .config()
        .with_count(1)
        .with_on_failure(FailurePolicy::skip().with_attempts(2));
    let mut worker = world.start("a", config, processor);
    seen.wait(3).await;
    assert_eq!(worker.shutdown(Duration::from_secs(5)).await.skipped, 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_at_its_deadline_and_says_what_was_cut_off() {
    let world = World::new(2).await;
    world.write(0, 2).await;
    let stuck = |_: ShardBatch| async {
        std::future::pending::<()>().await;
        Ok(())
    };
    let mut worker = world.start("a", world.config(), stuck);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = world.clock_seconds();
    let report = worker.shutdown(Duration::from_secs(100)).await;
    assert_eq!(world.clock_seconds() - began, 100);
    assert_eq!(report.shards.len(), 2);
    assert!(report.shards.iter().all(|shard| shard.reason.is_none()));
    assert!(!report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_the_batch_in_hand_longer_than_a_lease() {
    let world = World::new(1).await;
    world.write(0, 1).await;
    let slow = |_: ShardBatch| async {
        tokio::time::sleep(Duration::from_secs(200)).await;
        Ok(())
    };
    let mut worker = world.start("a", world.config(), slow);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let report = worker.shutdown(Duration::from_secs(300)).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.logs, 1);
}

/// Gathers batches and writes them out when it is told to stop.
struct Gathering(Seen);

impl Processor for Gathering {
    async fn process(&self, batch: &ShardBatch) -> Result<(), BoxError> {
        self.0.note(batch);
        match batch.rows().any(|row| row.text("number").unwrap() == "4") {
            true => Ok(batch.checkpointer().save().await?),
            false => Ok(()),
        }
    }

    async fn stopped(&self, stop: &ShardStop) {
        if stop.reason == StopReason::Released {
            stop.checkpointer.mark();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn manual_checkpoints_are_saved_when_the_processor_says_so() {
    let world = World::new(1).await;
    world.write(0, 5).await;
    let seen = Seen::default();
    let config = world.config().with_count(1).with_manual_checkpoints();
    let mut worker = world.start("a", config, Gathering(seen.clone()));
    seen.wait(5).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let after_five = world.saved(0).await.unwrap();
    world.write(5, 3).await;
    seen.wait(8).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        world.saved(0).await,
        Some(after_five),
        "nothing new was marked"
    );
    worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(
        world.saved(0).await,
        Some(after_five + 3),
        "marked by the hook"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_no_worker_saves_nothing() {
    let world = World::new(1).await;
    world.write(0, 1).await;
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&kept);
    let config = world.config().until(second(1));
    let keeping = move |batch: ShardBatch| {
        *keep.lock().unwrap() = Some(batch);
        async { Ok(()) }
    };
    world.start("a", config, keeping).wait().await;
    let batch: ShardBatch = kept.lock().unwrap().take().unwrap();
    // It was saved by then; one without a worker never is.
    batch.checkpointer().save().await.unwrap();
    let free = ShardBatch::new(batch.shard(), batch.pulled().clone());
    assert_eq!(free.checkpointer().save().await, Err(NotSaved));
}
