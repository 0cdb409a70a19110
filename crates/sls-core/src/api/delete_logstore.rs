use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};

/// Deletes a logstore with its logs, its index and its consumer groups.
///
/// Refused with `LogStoreNotExist` when the project has none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteLogstore {
    project: String,
    logstore: String,
}

impl DeleteLogstore {
    /// Deletes a logstore by its name.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
        }
    }
}

impl Sealed for DeleteLogstore {}

impl Operation for DeleteLogstore {
    type Reply = ();
    const NAME: &'static str = "DeleteLogStore";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::DELETE,
            format!("/logstores/{}", Name(&self.logstore)),
        )
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
