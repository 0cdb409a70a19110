use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::model::{ConsumerName, Cursor, ShardId};

/// Keeps where the groups of one logstore have got to in each shard. Object safe: which one
/// is decided when the program runs, and it may be a file or a database of the user's.
///
/// A store promises two things: a checkpoint that was saved is loaded by any process that
/// uses the same store, and the last one saved counts, also when it lies before an earlier
/// one.
pub trait CheckpointStore: fmt::Debug + Send + Sync + 'static {
    /// Where to read a shard on; `None` when nothing was saved or the shard is not known.
    ///
    /// # Errors
    /// [`Error`] when the store cannot be asked.
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>>;

    /// Saves where a shard has been read to.
    ///
    /// # Errors
    /// [`Error`]; with the code [`ConsumerNotMatch`](crate::ErrorCode::ConsumerNotMatch),
    /// [`ConsumerNotExist`](crate::ErrorCode::ConsumerNotExist) or
    /// [`ShardNotExist`](crate::ErrorCode::ShardNotExist) when the shard is not the
    /// consumer's (any more). Nothing was saved then.
    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()>;
}

const _: fn(&dyn CheckpointStore) = |_| {};

/// The future that a [`CheckpointStore`] returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What to save, and on whose behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveCheckpoint<'a> {
    /// The consumer group.
    pub group: &'a str,
    /// The shard.
    pub shard: ShardId,
    /// Where to read on.
    pub cursor: &'a Cursor,
    /// Who has read up to there.
    pub consumer: &'a ConsumerName,
    /// Whether to save only while that consumer holds the shard. A store that does not know
    /// who holds what saves in either case.
    pub only_while_held: bool,
}

/// Keeps checkpoints in memory, for tests and for programs that begin anew every time.
///
/// It does not know who holds what, so it saves whatever it is given.
#[derive(Debug, Default)]
pub struct MemoryCheckpoints {
    // By group and shard.
    saved: Mutex<HashMap<(String, ShardId), Cursor>>,
}

impl MemoryCheckpoints {
    /// A store without checkpoints.
    pub fn new() -> Self {
        Self::default()
    }

    fn with_saved<T>(&self, act: impl FnOnce(&mut HashMap<(String, ShardId), Cursor>) -> T) -> T {
        // No line below can panic between two changes, so a poisoned map is whole.
        act(&mut self.saved.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CheckpointStore for MemoryCheckpoints {
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        Box::pin(async move {
            let place = (group.to_owned(), shard);
            Ok(self.with_saved(|saved| saved.get(&place).cloned()))
        })
    }

    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let place = (checkpoint.group.to_owned(), checkpoint.shard);
            self.with_saved(|saved| saved.insert(place, checkpoint.cursor.clone()));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    fn now<T>(mut future: StoreFuture<'_, T>) -> T {
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(done) => done.unwrap(),
            Poll::Pending => panic!("memory is never busy"),
        }
    }

    #[test]
    fn the_last_one_saved_counts_and_groups_do_not_mix() {
        let store = MemoryCheckpoints::new();
        assert_eq!(now(store.load("g", ShardId(1))), None);
        for cursor in [Cursor::at_position(2), Cursor::at_position(1)] {
            now(store.save(SaveCheckpoint {
                group: "g",
                shard: ShardId(1),
                cursor: &cursor,
                consumer: &"c".into(),
                only_while_held: true,
            }));
            assert_eq!(now(store.load("g", ShardId(1))), Some(cursor));
        }
        assert_eq!(now(store.load("h", ShardId(1))), None);
        assert_eq!(now(store.load("g", ShardId(2))), None);
    }
}
