use sls_core::Error;
use sls_core::api::{DeleteShard, ListShards, MergeShards, SplitShard};
use sls_core::model::{HashKey, Shard, ShardId};

use super::LogstoreHandle;

impl LogstoreHandle {
    /// The logstore's shards, those that no longer take writes included.
    ///
    /// # Errors
    /// [`Error::Service`] when the service refuses.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn shards(&self) -> Result<Vec<Shard>, Error> {
        let operation = ListShards::new(&self.project, &self.logstore);
        Ok(self.client.send(&operation).await?.0)
    }

    /// Splits a shard in two, so that `key` begins the right one.
    ///
    /// Gives the shard that was split, which takes no writes any more, and the new ones.
    ///
    /// # Errors
    /// [`Error::Service`] with `ParameterInvalid` when the key is not inside the shard's
    /// range or the shard takes no writes.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted: list the shards before
    /// calling again.
    pub async fn split_shard(&self, shard: ShardId, key: HashKey) -> Result<Vec<Shard>, Error> {
        let operation = SplitShard::new(&self.project, &self.logstore, shard, key);
        Ok(self.client.send(&operation).await?.0)
    }

    /// Merges a shard with its right neighbour.
    ///
    /// Gives the new shard and the two that were merged, which take no writes any more.
    ///
    /// # Errors
    /// [`Error::Service`] with `ParameterInvalid` when it is the last shard or one of the
    /// two takes no writes.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted: list the shards before
    /// calling again.
    pub async fn merge_shards(&self, left: ShardId) -> Result<Vec<Shard>, Error> {
        let operation = MergeShards::new(&self.project, &self.logstore, left);
        Ok(self.client.send(&operation).await?.0)
    }

    /// Deletes a shard that takes no writes any more, see [`DeleteShard`].
    ///
    /// # Errors
    /// [`Error::Service`] with `ShardNotExist` when there is no such shard.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn delete_shard(&self, shard: ShardId) -> Result<(), Error> {
        let operation = DeleteShard::new(&self.project, &self.logstore, shard);
        self.client.send(&operation).await
    }
}
