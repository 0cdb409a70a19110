use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};
use crate::model::Project;

/// Describes a project.
///
/// Refused with `ProjectNotExist` when there is none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetProject {
    project: String,
}

impl GetProject {
    /// Asks about a project by its name.
    pub fn new(project: impl Into<String>) -> Self {
        Self {
            project: project.into(),
        }
    }
}

impl Sealed for GetProject {}

impl Operation for GetProject {
    type Reply = Project;
    const NAME: &'static str = "GetProject";

    fn project(&self) -> &str {
        &self.project
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(Method::GET, "/")
    }

    fn decode(&self, reply: &ApiReply) -> Result<Project, InvalidReply> {
        reply.json()
    }
}
