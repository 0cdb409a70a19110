use std::collections::BTreeSet;
use std::time::Duration;

use sls_consumer::{ShardBatch, WorkerHandle};
use sls_core::model::ShardId;

use crate::support::{Seen, World};

fn held(worker: &WorkerHandle) -> BTreeSet<ShardId> {
    worker.progress().iter().map(|shard| shard.shard).collect()
}

#[tokio::test(start_paused = true)]
async fn shards_move_to_a_second_worker_without_loss_and_without_repetition() {
    let world = World::new(8).await;
    world.write(0, 400).await;
    let seen = Seen::default();
    let first = world.start("a", world.config().with_count(1), seen.processor());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = world.start("b", world.config().with_count(1), seen.processor());
    world.write(400, 400).await;
    seen.wait(800).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!((held(&first).len(), held(&second).len()), (4, 4));
    assert!(held(&first).is_disjoint(&held(&second)));
    assert_eq!(seen.numbers(), (0..800).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_moves_finishes_its_batch_and_is_saved_first() {
    let world = World::new(2).await;
    world.write(0, 2).await;
    let seen = Seen::default();
    let slow = seen.clone();
    let slow = move |batch: ShardBatch| {
        let seen = slow.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(90)).await;
            seen.note(&batch);
            Ok(())
        }
    };
    let first = world.start("a", world.config(), slow);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = world.start("b", world.config(), seen.processor());
    tokio::time::sleep(Duration::from_secs(85)).await;
    assert_eq!(held(&first).len(), 2, "its batch in hand is not finished");
    assert_eq!(held(&second).len(), 0);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!((held(&first).len(), held(&second).len()), (1, 1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(seen.numbers(), [0, 1], "nothing twice");
}

#[tokio::test(start_paused = true)]
async fn the_shards_of_a_worker_that_dies_are_taken_over_after_the_timeout() {
    let world = World::new(4).await;
    let seen = Seen::default();
    let first = world.start("a", world.config(), seen.processor());
    let second = world.start("b", world.config(), seen.processor());
    tokio::time::sleep(Duration::from_secs(20)).await;
    drop(first);
    world.write(0, 40).await;
    seen.wait(40).await;
    assert_eq!(held(&second).len(), 4);
    assert_eq!(seen.numbers(), (0..40).collect::<Vec<_>>());
}
