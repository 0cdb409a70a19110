use http::Method;
use serde::Deserialize;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Scope, Sealed};
use crate::model::{Page, Project};

/// Lists the account's projects in one region.
///
/// The one operation about the account: its host is the endpoint alone. Refused with
/// `ParameterInvalid` when offset or size is out of range.
#[doc(alias = "ListProject")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListProjects {
    offset: u32,
    size: u32,
    resource_group_id: String,
    name: Option<String>,
    description: Option<String>,
}

impl ListProjects {
    /// How many projects are asked for unless told otherwise.
    pub const DEFAULT_SIZE: u32 = 100;
    /// The most projects that one answer holds.
    pub const MAX_SIZE: u32 = 500;

    /// The first hundred projects.
    pub fn new() -> Self {
        Self {
            offset: 0,
            size: Self::DEFAULT_SIZE,
            resource_group_id: String::new(),
            name: None,
            description: None,
        }
    }

    /// Leaves out this many projects first. Default: 0.
    #[must_use]
    pub fn with_offset(mut self, offset: u32) -> Self {
        self.offset = offset;
        self
    }

    /// Asks for at most this many projects. Default: 100.
    ///
    /// More than 500 do not fit one answer, and one request asks for 500 then; a client
    /// may go on from there.
    #[must_use]
    pub fn with_size(mut self, size: u32) -> Self {
        self.size = size;
        self
    }

    /// Only projects of one resource group. Default: of all.
    #[must_use]
    pub fn with_resource_group_id(mut self, id: impl Into<String>) -> Self {
        self.resource_group_id = id.into();
        self
    }

    /// Only projects with this text in their name.
    #[must_use]
    pub fn with_name(mut self, part: impl Into<String>) -> Self {
        self.name = Some(part.into());
        self
    }

    /// Only projects with this text in their description.
    #[must_use]
    pub fn with_description(mut self, part: impl Into<String>) -> Self {
        self.description = Some(part.into());
        self
    }

    /// How many projects are left out first.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// How many projects are asked for at most.
    pub fn size(&self) -> u32 {
        self.size
    }
}

impl Default for ListProjects {
    fn default() -> Self {
        Self::new()
    }
}

impl Sealed for ListProjects {}

impl Operation for ListProjects {
    type Reply = Page<Project>;
    const NAME: &'static str = "ListProject";
    const SCOPE: Scope = Scope::Account;

    fn project(&self) -> &str {
        ""
    }

    fn resource(&self) -> String {
        "of the account".to_owned()
    }

    fn encode(&self) -> ApiRequest {
        let size = self.size.min(Self::MAX_SIZE);
        let mut request = ApiRequest::new(Method::GET, "/")
            .with_query("offset", self.offset.to_string())
            .with_query("size", size.to_string())
            // Always there, as the official Python client sends it.
            .with_query("resourceGroupId", self.resource_group_id.clone());
        if let Some(part) = &self.name {
            request = request.with_query("projectName", part.clone());
        }
        if let Some(part) = &self.description {
            request = request.with_query("description", part.clone());
        }
        request
    }

    fn decode(&self, reply: &ApiReply) -> Result<Page<Project>, InvalidReply> {
        #[derive(Deserialize)]
        struct Body {
            total: u64,
            projects: Vec<Project>,
        }
        let body: Body = reply.json()?;
        Ok(Page {
            items: body.projects,
            total: body.total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok};

    #[test]
    fn one_request_never_asks_for_more_than_an_answer_holds() {
        let request = ListProjects::new().with_size(u32::MAX).encode();
        assert_eq!(
            request.path_and_query(),
            "/?offset=0&size=500&resourceGroupId="
        );
    }

    #[test]
    fn an_answer_without_the_list_is_refused() {
        check_invalid(&ListProjects::new(), &ok(r#"{"count":1,"total":1}"#));
        check_invalid(&ListProjects::new(), &ok("[]"));
        check_invalid(&ListProjects::new(), &ok(""));
    }
}
