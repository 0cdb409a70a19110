use http::Method;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{ConsumerGroup, seconds};

/// Makes a consumer group.
///
/// Refused with `ConsumerGroupAlreadyExist` when the logstore has one of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateConsumerGroup {
    project: String,
    logstore: String,
    group: ConsumerGroup,
}

impl CreateConsumerGroup {
    /// Makes the group that `group` describes.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        group: ConsumerGroup,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            group,
        }
    }
}

impl Sealed for CreateConsumerGroup {}

impl Operation for CreateConsumerGroup {
    type Reply = ();
    const NAME: &'static str = "CreateConsumerGroup";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!(
            "{}/{} group {}",
            self.project, self.logstore, self.group.name
        )
    }

    fn encode(&self) -> ApiRequest {
        let body = json!({
            "consumerGroup": self.group.name,
            "timeout": seconds::of(self.group.timeout),
            "order": self.group.in_order,
        });
        let path = format!("/logstores/{}/consumergroups", Name(&self.logstore));
        ApiRequest::new(Method::POST, path).with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
