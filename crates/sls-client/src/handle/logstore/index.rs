use sls_core::Error;
use sls_core::api::{CreateIndex, DeleteIndex, GetIndex, UpdateIndex};
use sls_core::model::IndexConfig;

use super::LogstoreHandle;

impl LogstoreHandle {
    /// The logstore's index.
    ///
    /// # Errors
    /// [`Error::Service`] with `IndexConfigNotExist` when there is none.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn index(&self) -> Result<IndexConfig, Error> {
        let operation = GetIndex::new(&self.project, &self.logstore);
        self.client.send(&operation).await
    }

    /// Gives the logstore an index; logs that are there already do not take part.
    ///
    /// # Errors
    /// [`Error::Service`] with `IndexAlreadyExist` when there is one, and with
    /// `IndexInfoInvalid` when a setting is not acceptable.
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
    /// use sls_core::model::{IndexConfig, KeyIndex, LineIndex};
    ///
    /// let index = IndexConfig::default()
    ///     .with_line(LineIndex::default())
    ///     .with_key("status", KeyIndex::long());
    /// logstore.create_index(index).await?;
    /// assert!(logstore.index().await?.keys.contains_key("status"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was made; calling again then says that it is
    /// there.
    pub async fn create_index(&self, index: IndexConfig) -> Result<(), Error> {
        let operation = CreateIndex::new(&self.project, &self.logstore, index);
        self.client.send(&operation).await
    }

    /// Replaces the index by another, for instance by what [`index`](Self::index) gave with
    /// a change.
    ///
    /// # Errors
    /// [`Error::Service`] with `ParameterInvalid` when there is none, and with
    /// `IndexInfoInvalid` when a setting is not acceptable.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn update_index(&self, index: IndexConfig) -> Result<(), Error> {
        let operation = UpdateIndex::new(&self.project, &self.logstore, index);
        self.client.send(&operation).await
    }

    /// Takes the index away: logs can be pulled and no longer found.
    ///
    /// # Errors
    /// [`Error::Service`] with `ParameterInvalid` when there is none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn delete_index(&self) -> Result<(), Error> {
        let operation = DeleteIndex::new(&self.project, &self.logstore);
        self.client.send(&operation).await
    }
}
