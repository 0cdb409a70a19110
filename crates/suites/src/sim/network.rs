use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sls_core::api::{
    CreateConsumerGroup, GetCheckpoint, GetCursor, HeartBeat, ListShards, Operation, PullLogs,
    PulledLogs, UpdateCheckpoint, UpdateConsumerGroup,
};
use sls_core::model::{ConsumerGroup, ConsumerName, Cursor, CursorPosition, Shard, ShardId};
use sls_core::service::{
    CheckpointStore, GroupCoordinator, Pull, SaveCheckpoint, ShardReader, StoreFuture,
};
use sls_core::wire::Compression;
use sls_core::{Error, ErrorCode};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Flaw;
use super::judge::WorkerId;
use super::world::{LOGSTORE, PATIENCE, PROJECT, SETTLE, State, TIMEOUT, World};

/// What one worker reaches the service over.
#[derive(Clone)]
pub(super) struct Link {
    world: Arc<World>,
    worker: WorkerId,
    /// What the last heartbeat gave, for a worker that forgets what it still has.
    given: Arc<Mutex<Option<Vec<ShardId>>>>,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// When the request arrives, if ever.
    arrives: Option<Duration>,
    /// How long the answer takes, if it comes.
    answers: Option<Duration>,
    /// Whether the loss is noticed at once.
    is_reset: bool,
    /// Whether it is held up on the way, and arrives whatever becomes of the connection.
    is_held_up: bool,
}

impl Fate {
    /// Of a call to this operation.
    fn of(state: &mut State, worker: WorkerId, operation: &str) -> Self {
        let random = &mut state.random;
        let mut millis = |most: i64| Duration::from_millis(random.between(1, most) as u64);
        let (near, far) = (millis(30), millis(SETTLE.as_millis() as i64));
        let usual = Self {
            arrives: Some(near),
            answers: Some(millis(30)),
            is_reset: false,
            is_held_up: false,
        };
        if !state.has_trouble {
            return usual;
        }
        let is_reset = random.below(2) == 0;
        let is_cut_off = state.cut_off.contains(&worker);
        // What changes something is where being late does harm.
        let sides = match operation {
            _ if is_cut_off => 40,
            HeartBeat::NAME => 300,
            UpdateCheckpoint::NAME => 120,
            _ => 1000,
        };
        match random.below(sides) {
            // Lost, arrives late, or is answered in vain.
            0..=9 => Self {
                arrives: None,
                answers: None,
                is_reset,
                is_held_up: false,
            },
            10..=29 => Self {
                arrives: Some(far),
                is_held_up: true,
                ..usual
            },
            30..=39 => Self {
                answers: None,
                is_reset,
                ..usual
            },
            40..=59 => Self {
                answers: Some(far),
                is_held_up: true,
                ..usual
            },
            _ => usual,
        }
    }
}

/// What came over the network.
type Answer<T> = Result<Result<T, Error>, Loss>;

/// How an exchange came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Nothing is heard any more.
    Silence,
    /// The connection is closed.
    Reset,
}

impl Link {
    pub(super) fn new(world: Arc<World>, worker: WorkerId) -> Self {
        Self {
            world,
            worker,
            given: Arc::default(),
        }
    }

    /// Performs an operation over the network. A request that was sent arrives also when
    /// nobody waits for it any more.
    async fn call<O, S>(&self, operation: O, seen: S) -> Result<O::Reply, Error>
    where
        O: Operation + Send + Sync + 'static,
        O::Reply: Send + 'static,
        S: FnOnce(&World, &Result<O::Reply, Error>) + Send + 'static,
    {
        let (worker, call) = (self.worker, operation.call());
        let fate = self.world.with(|state| Fate::of(state, worker, O::NAME));
        let (sender, receiver) = oneshot::channel();
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            match carry(&world, worker, operation, fate, seen).await {
                // Nobody may be waiting any more.
                Ok(answer) => drop(sender.send(answer)),
                Err(Loss::Reset) => {}
                Err(Loss::Silence) => sleep(PATIENCE).await,
            }
        });
        match timeout(PATIENCE, receiver).await {
            Ok(Ok(answer)) => answer,
            _ => Err(Error::NoAnswer {
                call,
                may_have_acted: true,
                transient: true,
                cause: "lost on the way".into(),
            }),
        }
    }
}

/// The way there and back.
async fn carry<O, S>(
    world: &World,
    worker: WorkerId,
    operation: O,
    fate: Fate,
    seen: S,
) -> Answer<O::Reply>
where
    O: Operation + Send + Sync,
    O::Reply: Send,
    S: FnOnce(&World, &Result<O::Reply, Error>) + Send,
{
    let lost = match fate.is_reset {
        true => Loss::Reset,
        false => Loss::Silence,
    };
    let connection = world.incarnation();
    let is_cut = || !fate.is_held_up && world.incarnation() != connection;
    sleep(fate.arrives.ok_or(lost)?).await;
    if is_cut() {
        return Err(Loss::Reset);
    }
    if world.with(|state| state.is_down) {
        return Err(lost);
    }
    world.with(|state| state.arrived(worker, O::NAME));
    let answer = world.ask(&operation);
    match &answer {
        Ok(_) => world.note(format_args!("{worker:?} {}", operation.call())),
        Err(error) => world.note(format_args!("{worker:?} {error}")),
    }
    seen(world, &answer);
    sleep(fate.answers.ok_or(lost)?).await;
    if is_cut() {
        return Err(Loss::Reset);
    }
    match world.with(|state| state.is_down || state.cut_off.contains(&worker)) {
        true => Err(lost),
        false => Ok(answer),
    }
}

fn nothing<T>(_: &World, _: &Result<T, Error>) {}

impl ShardReader for Link {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        let list = ListShards::new(PROJECT, LOGSTORE);
        self.call(list, nothing).await.map(|list| list.0)
    }

    async fn cursor(&self, shard: ShardId, from: CursorPosition) -> Result<Cursor, Error> {
        self.call(GetCursor::new(PROJECT, LOGSTORE, shard, from), nothing)
            .await
    }

    async fn pull(&self, pull: Pull) -> Result<PulledLogs, Error> {
        let mut operation = PullLogs::new(PROJECT, LOGSTORE, pull.shard, pull.cursor)
            .with_count(pull.count)
            .with_accept(Compression::None);
        if let Some(cursor) = pull.end_cursor {
            operation = operation.with_end_cursor(cursor);
        }
        self.call(operation, nothing).await
    }
}

impl GroupCoordinator for Link {
    async fn ensure_group(&self, group: &ConsumerGroup) -> Result<(), Error> {
        // A worker that does not fence believes in another timeout.
        let group = ConsumerGroup {
            timeout: TIMEOUT,
            ..group.clone()
        };
        let create = CreateConsumerGroup::new(PROJECT, LOGSTORE, group.clone());
        match self.call(create, nothing).await {
            Err(error) if error.code() == Some(&ErrorCode::ConsumerGroupAlreadyExist) => {
                let update = UpdateConsumerGroup::new(PROJECT, LOGSTORE, group.name)
                    .with_timeout(group.timeout)
                    .with_in_order(group.in_order);
                self.call(update, nothing).await
            }
            outcome => outcome,
        }
    }

    async fn heartbeat(
        &self,
        group: &str,
        consumer: &ConsumerName,
        held: &[ShardId],
    ) -> Result<Vec<ShardId>, Error> {
        let mut held = held.to_vec();
        if self.world.flaw == Some(Flaw::EarlyRelease) {
            let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(given) = &*given {
                held.retain(|shard| given.contains(shard));
            }
        }
        let beat = HeartBeat::new(PROJECT, LOGSTORE, group, consumer.clone(), held);
        let given = self.call(beat, nothing).await?;
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(given.clone());
        Ok(given)
    }
}

impl CheckpointStore for Link {
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        Box::pin(async move {
            let get = GetCheckpoint::new(PROJECT, LOGSTORE, group).with_shard(shard);
            let found = self.call(get, nothing).await?;
            let found = found.into_iter().find(|found| found.shard == shard);
            Ok(found.and_then(|found| found.cursor))
        })
    }

    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (worker, shard) = (self.worker, checkpoint.shard);
            let position = checkpoint.cursor.position();
            let is_forced = self.world.flaw == Some(Flaw::ForcedCheckpoints);
            let cursor = checkpoint.cursor.clone();
            let update = UpdateCheckpoint::new(PROJECT, LOGSTORE, checkpoint.group, shard, cursor)
                .with_consumer(checkpoint.consumer.clone())
                .with_force(is_forced || !checkpoint.only_while_held);
            let seen = move |world: &World, answer: &Result<(), Error>| {
                if let (Ok(()), Some(position)) = (answer, position) {
                    world.with(|state| state.judge.saved(worker, shard, position));
                }
            };
            self.call(update, seen).await
        })
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Link").field(&self.worker).finish()
    }
}

#[cfg(test)]
mod tests {
    use sls_core::api::{CreateLogstore, CreateProject};
    use sls_core::model::LogstoreConfig;

    use super::super::judge::Judge;
    use super::super::server::Server;
    use super::super::world::WallClock;
    use super::*;
    use crate::random::Random;

    #[tokio::test(start_paused = true)]
    async fn a_restart_cuts_what_is_under_way_also_when_the_server_is_back_in_time() {
        for with_folder in [false, true] {
            let server = Server::new(WallClock::default(), with_folder);
            let world = World::new(Random::new(1), Judge::new(false), server, None, false);
            world.with(|state| state.has_trouble = false);
            world.ask(&CreateProject::new(PROJECT, "")).unwrap();
            let config = LogstoreConfig::named(LOGSTORE).with_shard_count(3);
            world
                .ask(&CreateLogstore::new(PROJECT, config.clone()))
                .unwrap();
            let link = Link::new(Arc::clone(&world), WorkerId(1));
            assert_eq!(link.shards().await.unwrap().len(), 3);

            let asking = tokio::spawn({
                let link = link.clone();
                async move { link.shards().await }
            });
            tokio::task::yield_now().await;
            world.take_down();
            assert_eq!(
                world
                    .ask(&CreateLogstore::new(PROJECT, config.clone()))
                    .unwrap_err()
                    .code(),
                (!with_folder).then_some(&ErrorCode::LogStoreAlreadyExist)
            );
            world.bring_up();
            let error = asking.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::NoAnswer { .. }), "{error}");
            assert_eq!(link.shards().await.unwrap().len(), 3, "nothing is lost");
        }
    }
}
