use std::time::SystemTime;

use sls_core::api::{
    CreateLogstore, CreateProject, GetCursor, GetCursorTime, GetLogstore, GetProject, ListShards,
    PullLogs, PutBody, PutLogs,
};
use sls_core::model::{Cursor, CursorPosition, HashKey, LogstoreConfig, Project, Shard, ShardId};
use sls_core::wire::EncodedGroup;
use sls_core::{Call, Error};

use crate::client::Client;
use crate::stream::ShardHandle;

/// The calls about one project.
#[derive(Debug, Clone)]
pub struct ProjectHandle {
    client: Client,
    project: String,
}

impl ProjectHandle {
    pub(crate) fn new(client: Client, project: String) -> Self {
        Self { client, project }
    }

    /// The project's name.
    pub fn name(&self) -> &str {
        &self.project
    }

    /// Makes the project; `description` is for people and may be empty.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectAlreadyExist` when there is one of this name.
    pub async fn create(&self, description: &str) -> Result<(), Error> {
        let operation = CreateProject::new(&self.project, description);
        self.client.send(&operation).await
    }

    /// Describes the project.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectNotExist` when there is none.
    pub async fn get(&self) -> Result<Project, Error> {
        self.client.send(&GetProject::new(&self.project)).await
    }

    /// The calls about one of its logstores.
    pub fn logstore(&self, logstore: impl Into<String>) -> LogstoreHandle {
        self.client.logstore(&self.project, logstore)
    }
}

/// The calls about one logstore.
#[derive(Debug, Clone)]
pub struct LogstoreHandle {
    client: Client,
    project: String,
    logstore: String,
}

impl LogstoreHandle {
    pub(crate) fn new(client: Client, project: String, logstore: String) -> Self {
        Self {
            client,
            project,
            logstore,
        }
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The logstore's name.
    pub fn name(&self) -> &str {
        &self.logstore
    }

    /// The client that performs the calls.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes the logstore with these settings, but under this handle's name.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreAlreadyExist` when there is one of this name.
    pub async fn create(&self, config: LogstoreConfig) -> Result<(), Error> {
        let config = LogstoreConfig {
            name: self.logstore.clone(),
            ..config
        };
        let operation = CreateLogstore::new(&self.project, config);
        self.client.send(&operation).await
    }

    /// The logstore's settings.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreNotExist` when there is none.
    pub async fn get(&self) -> Result<LogstoreConfig, Error> {
        let operation = GetLogstore::new(&self.project, &self.logstore);
        self.client.send(&operation).await
    }

    /// The logstore's shards, those that no longer take writes included.
    ///
    /// # Errors
    /// [`Error::Service`] when the service refuses.
    pub async fn shards(&self) -> Result<Vec<Shard>, Error> {
        let operation = ListShards::new(&self.project, &self.logstore);
        Ok(self.client.send(&operation).await?.0)
    }

    /// Writes one log group to the shard of the service's choice.
    ///
    /// Compresses it on the calling task first, about 1 ms per MB.
    ///
    /// # Errors
    /// [`Error::NoAnswer`] when the answer was lost: then the group may have been written,
    /// and writing it again may store it twice.
    pub async fn put(&self, group: &EncodedGroup) -> Result<(), Error> {
        self.client.send(&self.put_operation(group)).await
    }

    /// Writes one log group to the shard whose range holds `key`.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn put_routed(&self, group: &EncodedGroup, key: HashKey) -> Result<(), Error> {
        let operation = self.put_operation(group).with_hash_key(key);
        self.client.send(&operation).await
    }

    fn put_operation(&self, group: &EncodedGroup) -> PutLogs {
        let body = PutBody::new(group, self.client.compression());
        PutLogs::new(&self.project, &self.logstore, body)
    }

    /// A cursor to start reading a shard from.
    ///
    /// # Errors
    /// [`Error::Service`] with `ShardNotExist` when there is no such shard.
    pub async fn cursor(&self, shard: ShardId, from: CursorPosition) -> Result<Cursor, Error> {
        let operation = GetCursor::new(&self.project, &self.logstore, shard, from);
        self.client.send(&operation).await
    }

    /// When the service received the log group behind a cursor, to the second.
    ///
    /// # Errors
    /// [`Error::Service`] with `InvalidCursor` outside what the shard holds.
    pub async fn cursor_time(&self, shard: ShardId, cursor: Cursor) -> Result<SystemTime, Error> {
        let operation = GetCursorTime::new(&self.project, &self.logstore, shard, cursor);
        self.client.send(&operation).await
    }

    /// When the service received the log group in front of a cursor, to the second.
    ///
    /// For a checkpoint it is the age of what was processed last.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the cursor is not one of the service's or has nothing
    /// in front of it; otherwise as [`cursor_time`](Self::cursor_time).
    pub async fn previous_cursor_time(
        &self,
        shard: ShardId,
        cursor: &Cursor,
    ) -> Result<SystemTime, Error> {
        let previous = cursor
            .position()
            .and_then(|position| position.checked_sub(1));
        let previous = previous.ok_or_else(|| Error::InvalidRequest {
            call: Call::new(
                "GetCursorTime",
                format!("{}/{} shard {shard}", self.project, self.logstore),
            ),
            reason: format!(
                "there is no position in front of the cursor {:?}",
                cursor.as_str()
            ),
        })?;
        self.cursor_time(shard, Cursor::at_position(previous)).await
    }

    /// A pull from `cursor` on, to be changed further and given to [`Client::send`].
    ///
    /// ```no_run
    /// # async fn example(logstore: sls_client::LogstoreHandle) -> Result<(), sls_client::Error> {
    /// # use sls_core::model::{CursorPosition, ShardId};
    /// let cursor = logstore.cursor(ShardId(0), CursorPosition::Begin).await?;
    /// let pull = logstore
    ///     .pull(ShardId(0), cursor)
    ///     .with_count(10)
    ///     .with_query("* | where status = '404'");
    /// let pulled = logstore.client().send(&pull).await?;
    /// println!("{pulled}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn pull(&self, shard: ShardId, cursor: Cursor) -> PullLogs {
        PullLogs::new(&self.project, &self.logstore, shard, cursor)
            .with_accept(self.client.compression())
    }

    /// The calls about one shard.
    pub fn shard(&self, shard: ShardId) -> ShardHandle<Self> {
        ShardHandle::new(self.clone(), shard)
    }
}
