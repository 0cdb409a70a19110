use http::Method;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};

/// Makes a project.
///
/// Refused with `ProjectAlreadyExist` when the region has one of this name, and with
/// `ParameterInvalid` when the name is not 3 to 63 lower-case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateProject {
    project: String,
    description: String,
    resource_group_id: String,
    data_redundancy_type: Option<String>,
}

impl CreateProject {
    /// A project with a description for people, which may be empty.
    pub fn new(project: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            description: description.into(),
            resource_group_id: String::new(),
            data_redundancy_type: None,
        }
    }

    /// Puts the project into a resource group of the account. Default: the account's own.
    #[must_use]
    pub fn with_resource_group_id(mut self, id: impl Into<String>) -> Self {
        self.resource_group_id = id.into();
        self
    }

    /// `LRS` keeps data in one zone, `ZRS` in several. Default: the service's choice.
    #[must_use]
    pub fn with_data_redundancy_type(mut self, kind: impl Into<String>) -> Self {
        self.data_redundancy_type = Some(kind.into());
        self
    }
}

impl Sealed for CreateProject {}

impl Operation for CreateProject {
    type Reply = ();
    const NAME: &'static str = "CreateProject";

    fn project(&self) -> &str {
        &self.project
    }

    fn encode(&self) -> ApiRequest {
        let mut body = json!({
            "projectName": self.project,
            "description": self.description,
            "resourceGroupId": self.resource_group_id,
        });
        if let Some(kind) = &self.data_redundancy_type {
            body["dataRedundancyType"] = json!(kind);
        }
        ApiRequest::new(Method::POST, "/").with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
