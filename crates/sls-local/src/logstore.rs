//! One logstore, with the roles that a client has towards the service.

use sls_core::api::{GetCursor, ListShards, PullLogs, PulledLogs, PutBody, PutLogs};
use sls_core::model::{Cursor, CursorPosition, Shard, ShardId};
use sls_core::service::{LogSink, Pull, ShardReader};
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
