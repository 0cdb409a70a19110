use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};

/// Takes the index of a logstore away: its logs can be pulled and no longer found.
///
/// Refused with `ParameterInvalid` when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteIndex {
    project: String,
    logstore: String,
}

impl DeleteIndex {
    /// Deletes the index of a logstore.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
        }
    }
}

impl Sealed for DeleteIndex {}

impl Operation for DeleteIndex {
    type Reply = ();
    const NAME: &'static str = "DeleteIndex";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::DELETE,
            format!("/logstores/{}/index", Name(&self.logstore)),
        )
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
