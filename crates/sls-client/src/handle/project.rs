use sls_core::Error;
use sls_core::api::{
    CreateProject, DeleteProject, GetProject, GetProjectLogs, ListLogstores, UpdateProject,
};
use sls_core::model::{Project, QueryResult};

use super::LogstoreHandle;
use crate::client::Client;

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

    /// The client that performs the calls.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes the project; `description` is for people and may be empty.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectAlreadyExist` when there is one of this name.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether it was made; calling again then says that it is
    /// there.
    pub async fn create(&self, description: &str) -> Result<(), Error> {
        let operation = CreateProject::new(&self.project, description);
        self.client.send(&operation).await
    }

    /// Describes the project.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectNotExist` when there is none.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn get(&self) -> Result<Project, Error> {
        self.client.send(&GetProject::new(&self.project)).await
    }

    /// Replaces the description.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectNotExist` when there is none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn update(&self, description: &str) -> Result<(), Error> {
        let operation = UpdateProject::new(&self.project, description);
        self.client.send(&operation).await
    }

    /// Deletes the project with everything in it.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectNotExist` when there is none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the service has acted; calling again is safe.
    pub async fn delete(&self) -> Result<(), Error> {
        self.client.send(&DeleteProject::new(&self.project)).await
    }

    /// The names of all its logstores, 500 with each request.
    ///
    /// [`Client::list_logstores`] gives a part of them.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectNotExist` when there is no such project.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn logstores(&self) -> Result<Vec<String>, Error> {
        let all = ListLogstores::new(&self.project).with_size(u32::MAX);
        Ok(self.client.list_logstores(&all).await?.items)
    }

    /// Runs SQL over the project's logstores, see [`GetProjectLogs`].
    ///
    /// # Errors
    /// [`Error::Service`] with `ParameterInvalid` when the query cannot be read.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn query(&self, sql: &str) -> Result<QueryResult, Error> {
        let operation = GetProjectLogs::new(&self.project, sql);
        self.client.send(&operation).await
    }

    /// The calls about one of its logstores.
    pub fn logstore(&self, logstore: impl Into<String>) -> LogstoreHandle {
        self.client.logstore(&self.project, logstore)
    }
}
