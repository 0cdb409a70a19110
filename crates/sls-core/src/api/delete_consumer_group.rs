use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};

/// Deletes a consumer group with its checkpoints.
///
/// Refused with `ConsumerGroupNotExist` when the logstore has none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteConsumerGroup {
    project: String,
    logstore: String,
    group: String,
}

impl DeleteConsumerGroup {
    /// Deletes a group by its name.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        group: impl Into<String>,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            group: group.into(),
        }
    }
}

impl Sealed for DeleteConsumerGroup {}

impl Operation for DeleteConsumerGroup {
    type Reply = ();
    const NAME: &'static str = "DeleteConsumerGroup";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} group {}", self.project, self.logstore, self.group)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!(
            "/logstores/{}/consumergroups/{}",
            Name(&self.logstore),
            Name(&self.group)
        );
        ApiRequest::new(Method::DELETE, path)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
