use http::Method;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};

/// Changes what a project's description says.
///
/// Refused with `ProjectNotExist` when there is none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateProject {
    project: String,
    description: String,
}

impl UpdateProject {
    /// Replaces the description, which is for people and may be empty.
    pub fn new(project: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            description: description.into(),
        }
    }
}

impl Sealed for UpdateProject {}

impl Operation for UpdateProject {
    type Reply = ();
    const NAME: &'static str = "UpdateProject";

    fn project(&self) -> &str {
        &self.project
    }

    fn encode(&self) -> ApiRequest {
        let body = json!({ "description": self.description });
        ApiRequest::new(Method::PUT, "/").with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
