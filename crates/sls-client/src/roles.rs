use sls_core::Error;
use sls_core::api::PulledLogs;
use sls_core::model::{Cursor, CursorPosition, Shard, ShardId};
use sls_core::service::{LogSink, Pull, ShardReader};
use sls_core::wire::EncodedGroup;

use crate::handle::LogstoreHandle;

impl LogSink for LogstoreHandle {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), Error> {
        self.put(group).await
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
