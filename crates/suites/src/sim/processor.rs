use std::sync::Arc;
use std::time::Duration;

use sls_consumer::{Processor, ShardBatch};
use sls_core::BoxError;
use sls_core::model::ShardId;
use tokio::time::sleep;

use super::judge::{Span, Token, WorkerId};
use super::world::{State, World};

/// Takes its time, sometimes more than a lease, fails now and then, and is watched all along.
pub(super) struct Watched {
    world: Arc<World>,
    worker: WorkerId,
}

/// A batch in hand; dropping it is letting go.
struct InHand<'a> {
    world: &'a World,
    worker: WorkerId,
    shard: ShardId,
    token: Token,
}

impl Watched {
    pub(super) fn new(world: Arc<World>, worker: WorkerId) -> Self {
        Self { world, worker }
    }
}

impl Processor for Watched {
    async fn process(&self, batch: &ShardBatch) -> Result<(), BoxError> {
        let shard = batch.shard();
        let position = |cursor: &sls_core::model::Cursor| cursor.position().unwrap_or_default();
        let span = Span {
            from: position(batch.cursor()),
            to: position(batch.next_cursor()),
        };
        let numbers: Vec<u32> = batch
            .rows()
            .filter_map(|row| row.text("number")?.parse().ok())
            .collect();
        let worker = self.worker;
        self.world
            .note(format_args!("{worker:?} begins shard {shard} {span:?}"));
        let (token, steps, pause, fails) = self.world.with(|state| {
            let token = state.judge.begin(worker, shard, span);
            let (steps, pause, fails) = fortune(state);
            (token, steps, pause, fails)
        });
        let hand = InHand {
            world: &self.world,
            worker,
            shard,
            token,
        };
        for _ in 0..steps {
            sleep(pause).await;
            self.world
                .with(|state| state.judge.touch(worker, shard, token));
        }
        if fails {
            return Err("bad luck".into());
        }
        self.world
            .with(|state| state.judge.done(shard, span, &numbers));
        drop(hand);
        Ok(())
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let Self {
            worker,
            shard,
            token,
            ..
        } = *self;
        self.world
            .with(|state| state.judge.left(worker, shard, token));
    }
}

/// In how many steps, with which pauses, and whether in vain.
fn fortune(state: &mut State) -> (u32, Duration, bool) {
    let has_trouble = state.has_trouble;
    let random = &mut state.random;
    let steps = random.between(0, 4) as u32;
    let most_millis = match random.below(100) {
        0..=1 if has_trouble => 8000,
        2..=9 if has_trouble => 1500,
        10..=29 => 200,
        _ => 10,
    };
    let pause = Duration::from_millis(random.between(1, most_millis) as u64);
    let fails = has_trouble && random.below(100) < 3;
    (steps, pause, fails)
}
