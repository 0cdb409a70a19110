use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::LogstoreConfig;

/// Gives the settings of a logstore.
///
/// Refused with `LogStoreNotExist` when the project has none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetLogstore {
    project: String,
    logstore: String,
}

impl GetLogstore {
    /// Asks about a logstore by its name.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
        }
    }
}

impl Sealed for GetLogstore {}

impl Operation for GetLogstore {
    type Reply = LogstoreConfig;
    const NAME: &'static str = "GetLogStore";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(Method::GET, format!("/logstores/{}", Name(&self.logstore)))
    }

    fn decode(&self, reply: &ApiReply) -> Result<LogstoreConfig, InvalidReply> {
        reply.json()
    }
}
