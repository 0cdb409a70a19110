use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};
use crate::model::LogstoreConfig;

/// Makes a logstore with the shards that its settings ask for.
///
/// Refused with `LogStoreAlreadyExist` when the project has one of this name, and with
/// `LogStoreInfoInvalid` when the name or a setting is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateLogstore {
    project: String,
    config: LogstoreConfig,
}

impl CreateLogstore {
    /// Makes the logstore that `config` describes.
    pub fn new(project: impl Into<String>, config: LogstoreConfig) -> Self {
        Self {
            project: project.into(),
            config,
        }
    }
}

impl Sealed for CreateLogstore {}

impl Operation for CreateLogstore {
    type Reply = ();
    const NAME: &'static str = "CreateLogStore";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.config.name)
    }

    fn encode(&self) -> ApiRequest {
        let body = serde_json::to_value(&self.config)
            .expect("the settings have string keys and no failing member");
        ApiRequest::new(Method::POST, "/logstores").with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
