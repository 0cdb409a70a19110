use sls_core::api::PulledLogs;
use sls_core::model::{ConsumerGroup, ConsumerName, Cursor, CursorPosition, Shard, ShardId};
use sls_core::service::{
    CheckpointStore, GroupCoordinator, LogSink, Pull, RawGroup, SaveCheckpoint, ShardReader,
    StoreFuture,
};
use sls_core::wire::EncodedGroup;
use sls_core::{Error, ErrorCode};

use crate::handle::LogstoreHandle;

impl LogSink for LogstoreHandle {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), Error> {
        self.put(group).await
    }

    async fn put_raw(&self, group: RawGroup<'_>) -> Result<(), Error> {
        self.put_raw(group).await
    }
}

impl ShardReader for LogstoreHandle {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        Self::shards(self).await
    }

    async fn cursor(&self, shard: ShardId, from: CursorPosition) -> Result<Cursor, Error> {
        Self::cursor(self, shard, from).await
    }

    async fn pull(&self, pull: Pull) -> Result<PulledLogs, Error> {
        let mut operation = Self::pull(self, pull.shard, pull.cursor).with_count(pull.count);
        if let Some(end) = pull.end_cursor {
            operation = operation.with_end_cursor(end);
        }
        if let Some(processing) = pull.processing {
            operation = operation.with_processing(processing);
        }
        self.client().send(&operation).await
    }
}

/// Lists the groups first, so that a group which is as it should be costs one call and no
/// permission to change it.
///
/// A heartbeat that may have been sent is not repeated here: a copy that arrives late would unsay
/// what later ones said. Whoever keeps the lease tries again, and knows what may be on its way.
impl GroupCoordinator for LogstoreHandle {
    async fn ensure_group(&self, group: &ConsumerGroup) -> Result<(), Error> {
        match self.consumer_groups().await {
            Ok(groups) => match groups.iter().find(|found| found.name == group.name) {
                Some(found) if is_same(found, group) => Ok(()),
                Some(_) => update(self, group).await,
                None => create_or_update(self, group).await,
            },
            // Whoever may not list may still create: the two are permissions of their own.
            Err(Error::Service { .. }) => create_or_update(self, group).await,
            Err(error) => Err(error),
        }
    }

    async fn heartbeat(
        &self,
        group: &str,
        consumer: &ConsumerName,
        held: &[ShardId],
    ) -> Result<Vec<ShardId>, Error> {
        let operation = self.consumer_group(group).beat(consumer, held);
        self.client().send_once(&operation).await
    }
}

/// Whether the service has these settings; it keeps whole seconds.
fn is_same(found: &ConsumerGroup, wanted: &ConsumerGroup) -> bool {
    let seconds = wanted.timeout.as_secs() + u64::from(wanted.timeout.subsec_nanos() > 0);
    found.in_order == wanted.in_order && found.timeout.as_secs() == seconds
}

async fn create_or_update(logstore: &LogstoreHandle, group: &ConsumerGroup) -> Result<(), Error> {
    let handle = logstore.consumer_group(&group.name);
    match handle.create(group.timeout, group.in_order).await {
        // Made by another consumer in the meantime, or not listed.
        Err(error) if error.code() == Some(&ErrorCode::ConsumerGroupAlreadyExist) => {
            update(logstore, group).await
        }
        outcome => outcome,
    }
}

async fn update(logstore: &LogstoreHandle, group: &ConsumerGroup) -> Result<(), Error> {
    logstore
        .consumer_group(&group.name)
        .update(Some(group.timeout), Some(group.in_order))
        .await
}

/// Keeps checkpoints where the service's own clients do: with the consumer group.
///
/// A checkpoint that may have been sent is not repeated here: a copy that arrives late would
/// overwrite a newer one. Whoever saves tries again, and knows what may be on its way.
impl CheckpointStore for LogstoreHandle {
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        Box::pin(async move {
            let found = self.consumer_group(group).checkpoint(shard).await?;
            Ok(found.and_then(|found| found.cursor))
        })
    }

    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let operation = self
                .consumer_group(checkpoint.group)
                .update_checkpoint(checkpoint.shard, checkpoint.cursor)
                .with_consumer(checkpoint.consumer.clone())
                .with_force(!checkpoint.only_while_held);
            self.client().send_once(&operation).await
        })
    }
}
