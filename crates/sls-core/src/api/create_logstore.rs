use http::Method;
use serde_json::json;

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
    for_old_server: bool,
}

impl CreateLogstore {
    /// Makes the logstore that `config` describes.
    pub fn new(project: impl Into<String>, config: LogstoreConfig) -> Self {
        Self {
            project: project.into(),
            config,
            for_old_server: false,
        }
    }

    /// Writes the four oldest settings only: name, time to live, shards and web tracking.
    ///
    /// Old servers refuse everything else with `LogStoreInfoInvalid` and the message
    /// `redundant key exist in json`.
    #[must_use]
    pub fn for_old_server(mut self) -> Self {
        self.for_old_server = true;
        self
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
        let config = &self.config;
        let body = if self.for_old_server {
            json!({
                "logstoreName": config.name,
                "ttl": config.ttl,
                "shardCount": config.shard_count,
                "enable_tracking": config.enable_tracking,
            })
        } else {
            config.writable()
        };
        ApiRequest::new(Method::POST, "/logstores").with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
