//! A group of one, which nobody coordinates.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sls_core::model::{ConsumerGroup, ConsumerName, Shard, ShardId};
use sls_core::service::{GroupCoordinator, ShardReader};
use sls_core::{Call, Error};
use tokio::time::timeout;

/// Gives every shard of a logstore to its only consumer; see
/// [`Worker::alone`](crate::Worker::alone).
///
/// The shards are listed anew with every heartbeat, so those that a split or a merge has made
/// are found within one interval. When they cannot be listed, the last list counts: there is
/// nobody who could have taken one.
pub struct AllShards<R> {
    reader: Arc<R>,
    patience: Duration,
    last: Mutex<Option<Vec<ShardId>>>,
}

impl<R: ShardReader> AllShards<R> {
    /// How long a list of the shards may take when there is an earlier one, unless told
    /// otherwise.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(1);

    /// Over the logstore of this reader.
    pub fn new(reader: Arc<R>) -> Self {
        Self {
            reader,
            patience: Self::DEFAULT_PATIENCE,
            last: Mutex::new(None),
        }
    }

    /// How long a list of the shards may take when there is an earlier one. Default: one second.
    ///
    /// It must be shorter than the heartbeat interval and than a third of the lease, after which
    /// the worker gives a heartbeat up; [`Worker::alone`](crate::Worker::alone) takes half of the
    /// shorter one.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn last(&self) -> Option<Vec<ShardId>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn keep(&self, shards: &[Shard]) -> Vec<ShardId> {
        let ids: Vec<_> = shards.iter().map(|shard| shard.id).collect();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(ids.clone());
        ids
    }
}

impl<R: ShardReader> GroupCoordinator for AllShards<R> {
    async fn ensure_group(&self, group: &ConsumerGroup) -> Result<(), Error> {
        if group.in_order {
            let reason = "a worker alone reads the shards of a split beside each other; for their \
                 order take a consumer group, or the tail of the client"
                .to_owned();
            let call = Call::new("CreateConsumerGroup", group.name.as_str());
            return Err(Error::InvalidRequest { call, reason });
        }
        Ok(())
    }

    async fn heartbeat(
        &self,
        _group: &str,
        _consumer: &ConsumerName,
        _held: &[ShardId],
    ) -> Result<Vec<ShardId>, Error> {
        let Some(last) = self.last() else {
            return Ok(self.keep(&self.reader.shards().await?));
        };
        match timeout(self.patience, self.reader.shards()).await {
            Ok(Ok(shards)) => Ok(self.keep(&shards)),
            // Not of help here are only errors that will not go away, and those come up with
            // the first pull, too.
            Ok(Err(_)) | Err(_) => Ok(last),
        }
    }
}

impl<R> fmt::Debug for AllShards<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllShards")
            .field("patience", &self.patience)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
