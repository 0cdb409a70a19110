//! The shards that a worker has, for anybody to look at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sls_core::model::ShardId;

use crate::progress::{Board, ShardProgress};

/// Shared by the worker and its handle.
#[derive(Debug, Default)]
pub(crate) struct Holdings(Mutex<BTreeMap<ShardId, Arc<Board>>>);

impl Holdings {
    pub(crate) fn insert(&self, shard: ShardId, board: Arc<Board>) {
        self.with(|boards| boards.insert(shard, board));
    }

    pub(crate) fn remove(&self, shard: ShardId) -> Option<ShardProgress> {
        self.with(|boards| boards.remove(&shard))
            .map(|board| board.look())
    }

    pub(crate) fn look(&self) -> Vec<ShardProgress> {
        let boards: Vec<_> = self.with(|boards| boards.values().map(Arc::clone).collect());
        boards.iter().map(|board| board.look()).collect()
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<ShardId, Arc<Board>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
