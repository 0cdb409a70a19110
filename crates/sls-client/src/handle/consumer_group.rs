use std::time::Duration;

use sls_core::api::{
    CreateConsumerGroup, DeleteConsumerGroup, GetCheckpoint, HeartBeat, UpdateCheckpoint,
    UpdateConsumerGroup,
};
use sls_core::model::{Checkpoint, ConsumerGroup, ConsumerName, Cursor, ShardId};
use sls_core::{Call, Error};

use super::LogstoreHandle;

/// The calls about one consumer group of a logstore.
///
/// These are the single calls; a consumer that shares shards with others makes them in a
/// certain order and at certain times.
#[derive(Debug, Clone)]
pub struct ConsumerGroupHandle {
    logstore: LogstoreHandle,
    group: String,
}

impl ConsumerGroupHandle {
    pub(crate) fn new(logstore: LogstoreHandle, group: String) -> Self {
        Self { logstore, group }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.group
    }

    /// The logstore that the group reads.
    pub fn logstore(&self) -> &LogstoreHandle {
        &self.logstore
    }

    /// Makes the group.
    ///
    /// A consumer that sends no heartbeat for longer than `timeout` loses its shards; with
    /// `in_order` a shard is read only after the shards it came from.
    ///
    /// # Errors
    /// [`Error::Service`] with `ConsumerGroupAlreadyExist` when there is one of this name.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was made; calling again then says that it is
    /// there.
    pub async fn create(&self, timeout: Duration, in_order: bool) -> Result<(), Error> {
        let group = ConsumerGroup::new(&self.group, timeout).with_in_order(in_order);
        let operation =
            CreateConsumerGroup::new(self.logstore.project(), self.logstore.name(), group);
        self.logstore.client().send(&operation).await
    }

    /// Changes the settings that are given.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when none is given; [`Error::Service`] with
    /// `ConsumerGroupNotExist` when there is no such group.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn update(
        &self,
        timeout: Option<Duration>,
        in_order: Option<bool>,
    ) -> Result<(), Error> {
        if timeout.is_none() && in_order.is_none() {
            let (project, logstore) = (self.logstore.project(), self.logstore.name());
            return Err(Error::InvalidRequest {
                call: Call::new(
                    "UpdateConsumerGroup",
                    format!("{project}/{logstore} group {}", self.group),
                ),
                reason: "there is nothing to change".to_owned(),
            });
        }
        let mut operation =
            UpdateConsumerGroup::new(self.logstore.project(), self.logstore.name(), &self.group);
        if let Some(timeout) = timeout {
            operation = operation.with_timeout(timeout);
        }
        if let Some(in_order) = in_order {
            operation = operation.with_in_order(in_order);
        }
        self.logstore.client().send(&operation).await
    }

    /// Deletes the group with its checkpoints.
    ///
    /// # Errors
    /// [`Error::Service`] with `ConsumerGroupNotExist` when there is no such group.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn delete(&self) -> Result<(), Error> {
        let operation =
            DeleteConsumerGroup::new(self.logstore.project(), self.logstore.name(), &self.group);
        self.logstore.client().send(&operation).await
    }

    /// Says that a consumer lives and holds these shards; gives those it should hold.
    ///
    /// What it means for either side is told at [`HeartBeat`]. As any call it is repeated when its
    /// answer is lost, and the lost one may arrive last; the role
    /// [`GroupCoordinator`](sls_core::service::GroupCoordinator) of the logstore leaves repeating
    /// to whoever keeps the lease.
    ///
    /// # Errors
    /// [`Error::Service`] with `NotExistConsumerWithBody` when the consumer names shards
    /// and the group does not know it, or no longer.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn heartbeat(
        &self,
        consumer: &ConsumerName,
        held: &[ShardId],
    ) -> Result<Vec<ShardId>, Error> {
        let operation = self.beat(consumer, held);
        self.logstore.client().send(&operation).await
    }

    pub(crate) fn beat(&self, consumer: &ConsumerName, held: &[ShardId]) -> HeartBeat {
        HeartBeat::new(
            self.logstore.project(),
            self.logstore.name(),
            &self.group,
            consumer.clone(),
            held.to_vec(),
        )
    }

    /// The checkpoints of all shards, also of those where nothing was saved yet.
    ///
    /// # Errors
    /// [`Error::Service`] with `ConsumerGroupNotExist` when there is no such group.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        let operation = self.get_checkpoint();
        self.logstore.client().send(&operation).await
    }

    /// The checkpoint of one shard; `None` when there is no such shard.
    ///
    /// # Errors
    /// [`Error::Service`] with `ConsumerGroupNotExist` when there is no such group.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn checkpoint(&self, shard: ShardId) -> Result<Option<Checkpoint>, Error> {
        let operation = self.get_checkpoint().with_shard(shard);
        let found = self.logstore.client().send(&operation).await?;
        Ok(found.into_iter().find(|found| found.shard == shard))
    }

    fn get_checkpoint(&self) -> GetCheckpoint {
        GetCheckpoint::new(self.logstore.project(), self.logstore.name(), &self.group)
    }

    /// Saves where a shard has been read to, whoever holds it.
    ///
    /// As any call it is repeated when its answer is lost, and the lost one may arrive last, after
    /// a later call. The role [`CheckpointStore`](sls_core::service::CheckpointStore) of the
    /// logstore leaves repeating to whoever saves.
    ///
    /// # Errors
    /// [`Error::Service`] with `ShardNotExist` when there is no such shard.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn save_checkpoint(&self, shard: ShardId, cursor: &Cursor) -> Result<(), Error> {
        let operation = self.update_checkpoint(shard, cursor);
        self.logstore.client().send(&operation).await
    }

    /// Saves where a shard has been read to, while this consumer holds it.
    ///
    /// # Errors
    /// [`Error::Service`] with `ConsumerNotExist` or `ConsumerNotMatch` when it does not.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn save_checkpoint_as(
        &self,
        consumer: &ConsumerName,
        shard: ShardId,
        cursor: &Cursor,
    ) -> Result<(), Error> {
        let operation = self
            .update_checkpoint(shard, cursor)
            .with_consumer(consumer.clone())
            .with_force(false);
        self.logstore.client().send(&operation).await
    }

    pub(crate) fn update_checkpoint(&self, shard: ShardId, cursor: &Cursor) -> UpdateCheckpoint {
        UpdateCheckpoint::new(
            self.logstore.project(),
            self.logstore.name(),
            &self.group,
            shard,
            cursor.clone(),
        )
    }
}
