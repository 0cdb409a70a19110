mod cursor; // where to read, and since when
mod index; // what can be searched
mod query; // searches
mod shard; // split and merge

use sls_core::api::{
    CreateLogstore, DeleteLogstore, GetLogstore, ListConsumerGroups, PullLogs, PutBody, PutLogs,
    PutWebtracking, UpdateLogstore, WebLog,
};
use sls_core::model::{ConsumerGroup, Cursor, HashKey, LogstoreConfig, ShardId};
use sls_core::service::RawGroup;
use sls_core::wire::EncodedGroup;
use sls_core::{Error, ErrorCode};

use super::ConsumerGroupHandle;
use crate::client::Client;
use crate::stream::{ShardHandle, TailStart, TailStream};

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
    /// An old server that refuses settings it does not know is asked once more, with the
    /// four it knows: name, time to live, shards and web tracking. A warning tells of it.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreAlreadyExist` when there is one of this name.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was made; calling again then says that it is
    /// there.
    pub async fn create(&self, config: LogstoreConfig) -> Result<(), Error> {
        let config = LogstoreConfig {
            name: self.logstore.clone(),
            ..config
        };
        let operation = CreateLogstore::new(&self.project, config);
        match self.client.send(&operation).await {
            Err(error) if is_from_old_server(&error) => {
                tracing::warn!(%error, "an old server gets the basic settings only");
                self.client.send(&operation.for_old_server()).await
            }
            outcome => outcome,
        }
    }

    /// The logstore's settings.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreNotExist` when there is none.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn get(&self) -> Result<LogstoreConfig, Error> {
        let operation = GetLogstore::new(&self.project, &self.logstore);
        self.client.send(&operation).await
    }

    /// Reads the settings, changes them and writes what is different.
    ///
    /// The number of shards changes by [`split_shard`](Self::split_shard) and
    /// [`merge_shards`](Self::merge_shards) only; changing it here is refused. Of two
    /// updates at the same time one may undo the other.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreNotExist` when there is none, and with
    /// `LogStoreInfoInvalid` or `ParameterInvalid` when a setting is not acceptable.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = sls_local::LocalServer::builder().start().await?;
    /// # let client = sls_client::Client::builder(
    /// #     server.endpoint().parse()?,
    /// #     sls_client::StaticCredentials::new(server.credentials()),
    /// # ).build()?;
    /// # client.project("shop").create("").await?;
    /// # let logstore = client.logstore("shop", "access");
    /// # logstore.create(sls_core::model::LogstoreConfig::named("access").with_shard_count(1)).await?;
    /// logstore.update(|config| config.ttl = 90).await?;
    /// assert_eq!(logstore.get().await?.ttl, 90);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn update(
        &self,
        change: impl FnOnce(&mut LogstoreConfig) + Send,
    ) -> Result<(), Error> {
        let current = self.get().await?;
        let mut config = current.clone();
        change(&mut config);
        config.name.clone_from(&self.logstore);
        let operation = UpdateLogstore::new(&self.project, config).with_current(current);
        self.client.send(&operation).await
    }

    /// Deletes the logstore with its logs, its index and its consumer groups.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreNotExist` when there is none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn delete(&self) -> Result<(), Error> {
        let operation = DeleteLogstore::new(&self.project, &self.logstore);
        self.client.send(&operation).await
    }

    /// The calls about one of its consumer groups.
    pub fn consumer_group(&self, group: impl Into<String>) -> ConsumerGroupHandle {
        ConsumerGroupHandle::new(self.clone(), group.into())
    }

    /// Its consumer groups.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreNotExist` when there is no such logstore.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn consumer_groups(&self) -> Result<Vec<ConsumerGroup>, Error> {
        let operation = ListConsumerGroups::new(&self.project, &self.logstore);
        self.client.send(&operation).await
    }

    /// Writes one log group to the shard of the service's choice.
    ///
    /// Compresses it on the calling task first, about 1 ms per MB.
    ///
    /// # Errors
    /// [`Error::NoAnswer`] when the answer was lost: then the group may have been written,
    /// and writing it again may store it twice.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the logs were written; writing them again may
    /// store them twice.
    pub async fn put(&self, group: &EncodedGroup) -> Result<(), Error> {
        self.client.send(&self.put_operation(group)).await
    }

    /// Writes one log group to the shard whose range holds `key`.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the logs were written; writing them again may
    /// store them twice.
    pub async fn put_routed(&self, group: &EncodedGroup, key: HashKey) -> Result<(), Error> {
        let operation = self.put_operation(group).with_hash_key(key);
        self.client.send(&operation).await
    }

    /// Writes one log group from its bytes, compressed straight from where they are.
    ///
    /// # Errors
    /// As [`put`](Self::put); what is no log group is refused by the service.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the logs were written; writing them again may
    /// store them twice.
    pub async fn put_raw(&self, group: RawGroup<'_>) -> Result<(), Error> {
        let body = PutBody::from_raw(group.bytes, self.client.compression());
        let mut operation = PutLogs::new(&self.project, &self.logstore, body);
        if let Some(key) = group.hash_key {
            operation = operation.with_hash_key(key);
        }
        self.client.send(&operation).await
    }

    fn put_operation(&self, group: &EncodedGroup) -> PutLogs {
        let body = PutBody::new(group, self.client.compression());
        PutLogs::new(&self.project, &self.logstore, body)
    }

    /// Writes logs without credentials, as a page in a browser does.
    ///
    /// For what has no keys; a program that has them uses [`put`](Self::put). The logstore
    /// has to allow it with [`enable_tracking`](LogstoreConfig::enable_tracking).
    ///
    /// # Errors
    /// [`Error::Service`] when the logstore does not allow it or the logs are not acceptable.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the logs were written; writing them again may
    /// store them twice.
    pub async fn track(&self, logs: Vec<WebLog>) -> Result<(), Error> {
        let operation = PutWebtracking::new(&self.project, &self.logstore, logs)
            .with_compression(self.client.compression());
        self.client.send(&operation).await
    }

    /// A pull from `cursor` on, to be changed further and given to [`Client::send`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = sls_local::LocalServer::builder().start().await?;
    /// # let client = sls_client::Client::builder(
    /// #     server.endpoint().parse()?,
    /// #     sls_client::StaticCredentials::new(server.credentials()),
    /// # ).build()?;
    /// # client.project("shop").create("").await?;
    /// # let logstore = client.logstore("shop", "access");
    /// # logstore.create(sls_core::model::LogstoreConfig::named("access").with_shard_count(1)).await?;
    /// use sls_core::model::{CursorPosition, ShardId};
    ///
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

    /// Reads all its shards as one stream, through splits and merges.
    ///
    /// With [`up_to`](TailStream::up_to) or
    /// [`until_caught_up`](TailStream::until_caught_up) it ends by itself.
    pub fn tail(&self, from: impl Into<TailStart>) -> TailStream<Self> {
        TailStream::new(self.clone(), from)
    }

    /// The calls about one shard.
    pub fn shard(&self, shard: ShardId) -> ShardHandle<Self> {
        ShardHandle::new(self.clone(), shard)
    }
}

/// Whether a server refused a setting because it has never heard of it.
///
/// Told by its message, since the code stands for every bad setting.
fn is_from_old_server(error: &Error) -> bool {
    matches!(
        error,
        Error::Service {
            code: ErrorCode::LogStoreInfoInvalid,
            message,
            ..
        } if message.contains("redundant key exist in json")
    )
}
