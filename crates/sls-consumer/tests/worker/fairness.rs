use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sls_consumer::{FailurePolicy, Processor, ShardBatch};
use sls_core::BoxError;
use sls_core::model::ShardId;

use crate::support::{Seen, World};

const KIB: usize = 1024;

/// What it does with the batches of the first two shards.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Fails,
    /// Has them in hand for ever.
    Hangs,
}

#[derive(Clone)]
struct Troubled {
    trouble: Trouble,
    seen: Seen,
    /// How often a batch of a shard was handed over, and the numbers in it.
    handed: Arc<Mutex<BTreeMap<ShardId, Vec<usize>>>>,
}

impl Processor for Troubled {
    async fn process(&self, batch: &ShardBatch) -> Result<(), BoxError> {
        let shard = batch.shard();
        if shard.0 > 1 {
            self.seen.note(batch);
            return Ok(());
        }
        let times = {
            let mut handed = self.handed.lock().unwrap();
            let handed = handed.entry(shard).or_default();
            handed.push(batch.log_count());
            handed.len()
        };
        assert_eq!(batch.attempt() as usize, times);
        match self.trouble {
            Trouble::Fails => Err("never".into()),
            Trouble::Hangs => std::future::pending().await,
        }
    }
}

/// Four shards with batches of `size`; the first two are troubled.
async fn run(trouble: Trouble, size: usize, room: usize) -> Troubled {
    let world = World::new(4).await;
    world.write_large(0, 40, size).await;
    let processor = Troubled {
        trouble,
        seen: Seen::default(),
        handed: Arc::default(),
    };
    let config = world
        .config()
        .with_count(1)
        .with_max_held_bytes(room)
        .with_on_failure(FailurePolicy::retry_forever());
    let _worker = world.start("a", config, processor.clone());
    processor.seen.wait(20).await;
    // More attempts, with room for all of them.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    processor
}

#[tokio::test(start_paused = true)]
async fn batches_that_fail_for_ever_leave_room_to_other_shards() {
    // Room for one batch and a half: two that fail do not even fit.
    let troubled = run(Trouble::Fails, 80 * KIB, 120 * KIB).await;
    let handed = troubled.handed.lock().unwrap();
    for (shard, counts) in handed.iter() {
        assert!(counts.len() > 1, "shard {shard} is tried again");
        assert!(counts.iter().all(|count| *count == 1), "the same batch");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_ahead_of_a_batch_that_hangs_leaves_room_to_other_shards() {
    // Room for the two that hang, those read ahead of them, and less than one more.
    run(Trouble::Hangs, 80 * KIB, 390 * KIB).await;
}
