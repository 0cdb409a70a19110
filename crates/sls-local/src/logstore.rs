//! One logstore, with the roles that a client has towards the service.

use sls_core::ErrorCode;
use sls_core::api::{
    CreateConsumerGroup, GetCheckpoint, GetCursor, HeartBeat, ListShards, PullLogs, PulledLogs,
    PutBody, PutLogs, UpdateCheckpoint, UpdateConsumerGroup,
};
use sls_core::model::{ConsumerGroup, ConsumerName, Cursor, CursorPosition, Shard, ShardId};
use sls_core::service::{
    CheckpointStore, GroupCoordinator, LogSink, Pull, RawGroup, SaveCheckpoint, ShardReader,
    StoreFuture,
};
use sls_core::wire::{Compression, EncodedGroup};

use crate::service::LocalService;

/// One logstore of a [`LocalService`].
///
/// Takes the roles that the client takes towards the real service, so code that is written
/// against the roles can be tested without one.
#[derive(Debug, Clone)]
pub struct LocalLogstore {
    service: LocalService,
    project: String,
    logstore: String,
}

impl LocalLogstore {
    pub(crate) fn new(service: LocalService, project: String, logstore: String) -> Self {
        Self {
            service,
            project,
            logstore,
        }
    }

    /// The name of the project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The name of the logstore.
    pub fn name(&self) -> &str {
        &self.logstore
    }

    pub(crate) fn service(&self) -> &LocalService {
        &self.service
    }
}

impl LogSink for LocalLogstore {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), sls_core::Error> {
        let body = PutBody::new(group, Compression::None);
        self.service
            .perform(&PutLogs::new(&self.project, &self.logstore, body))
            .await
    }

    async fn put_raw(&self, group: RawGroup<'_>) -> Result<(), sls_core::Error> {
        let body = PutBody::from_raw(group.bytes, Compression::None);
        let mut operation = PutLogs::new(&self.project, &self.logstore, body);
        if let Some(key) = group.hash_key {
            operation = operation.with_hash_key(key);
        }
        self.service.perform(&operation).await
    }
}

impl ShardReader for LocalLogstore {
    async fn shards(&self) -> Result<Vec<Shard>, sls_core::Error> {
        let list = ListShards::new(&self.project, &self.logstore);
        self.service.perform(&list).await.map(|list| list.0)
    }

    async fn cursor(
        &self,
        shard: ShardId,
        from: CursorPosition,
    ) -> Result<Cursor, sls_core::Error> {
        self.service
            .perform(&GetCursor::new(&self.project, &self.logstore, shard, from))
            .await
    }

    async fn pull(&self, pull: Pull) -> Result<PulledLogs, sls_core::Error> {
        let mut operation = PullLogs::new(&self.project, &self.logstore, pull.shard, pull.cursor)
            .with_count(pull.count)
            .with_accept(Compression::None);
        if let Some(cursor) = pull.end_cursor {
            operation = operation.with_end_cursor(cursor);
        }
        if let Some(processing) = pull.processing {
            operation = operation.with_processing(processing);
        }
        self.service.perform(&operation).await
    }
}

impl GroupCoordinator for LocalLogstore {
    async fn ensure_group(&self, group: &ConsumerGroup) -> Result<(), sls_core::Error> {
        let (project, logstore) = (&self.project, &self.logstore);
        let create = CreateConsumerGroup::new(project, logstore, group.clone());
        match self.service.perform(&create).await {
            Err(error) if error.code() == Some(&ErrorCode::ConsumerGroupAlreadyExist) => {
                let update = UpdateConsumerGroup::new(project, logstore, &group.name)
                    .with_timeout(group.timeout)
                    .with_in_order(group.in_order);
                self.service.perform(&update).await
            }
            outcome => outcome,
        }
    }

    async fn heartbeat(
        &self,
        group: &str,
        consumer: &ConsumerName,
        held: &[ShardId],
    ) -> Result<Vec<ShardId>, sls_core::Error> {
        let consumer = consumer.clone();
        let beat = HeartBeat::new(
            &self.project,
            &self.logstore,
            group,
            consumer,
            held.to_vec(),
        );
        self.service.perform(&beat).await
    }
}

impl CheckpointStore for LocalLogstore {
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        Box::pin(async move {
            let get = GetCheckpoint::new(&self.project, &self.logstore, group).with_shard(shard);
            let found = self.service.perform(&get).await?;
            let found = found.into_iter().find(|found| found.shard == shard);
            Ok(found.and_then(|found| found.cursor))
        })
    }

    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let update = UpdateCheckpoint::new(
                &self.project,
                &self.logstore,
                checkpoint.group,
                checkpoint.shard,
                checkpoint.cursor.clone(),
            )
            .with_consumer(checkpoint.consumer.clone())
            .with_force(!checkpoint.only_while_held);
            self.service.perform(&update).await
        })
    }
}
