use std::time::Duration;

use http::Method;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::seconds;

/// Changes the settings of a consumer group.
///
/// With neither setting it is refused with `ParameterInvalid`, and with
/// `ConsumerGroupNotExist` when the logstore has no group of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateConsumerGroup {
    project: String,
    logstore: String,
    group: String,
    timeout: Option<Duration>,
    in_order: Option<bool>,
}

impl UpdateConsumerGroup {
    /// Changes nothing yet: name at least one setting.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        group: impl Into<String>,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            group: group.into(),
            timeout: None,
            in_order: None,
        }
    }

    /// A consumer that sends no heartbeat for longer loses its shards. Whole seconds on the
    /// wire, rounded up.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether a shard is read only after the shards it came from.
    #[must_use]
    pub fn with_in_order(mut self, in_order: bool) -> Self {
        self.in_order = Some(in_order);
        self
    }
}

impl Sealed for UpdateConsumerGroup {}

impl Operation for UpdateConsumerGroup {
    type Reply = ();
    const NAME: &'static str = "UpdateConsumerGroup";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} group {}", self.project, self.logstore, self.group)
    }

    fn encode(&self) -> ApiRequest {
        let mut body = json!({});
        if let Some(in_order) = self.in_order {
            body["order"] = json!(in_order);
        }
        if let Some(timeout) = self.timeout {
            body["timeout"] = json!(seconds::of(timeout));
        }
        let path = format!(
            "/logstores/{}/consumergroups/{}",
            Name(&self.logstore),
            Name(&self.group)
        );
        ApiRequest::new(Method::PUT, path).with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
