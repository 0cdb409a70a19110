use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};

/// Deletes a project with everything in it: logstores, logs, indexes, consumer groups.
///
/// Refused with `ProjectNotExist` when there is none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteProject {
    project: String,
}

impl DeleteProject {
    /// Deletes a project by its name.
    pub fn new(project: impl Into<String>) -> Self {
        Self {
            project: project.into(),
        }
    }
}

impl Sealed for DeleteProject {}

impl Operation for DeleteProject {
    type Reply = ();
    const NAME: &'static str = "DeleteProject";

    fn project(&self) -> &str {
        &self.project
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(Method::DELETE, "/")
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
