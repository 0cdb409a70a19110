use http::Method;
use serde::Deserialize;

use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};
use crate::model::Page;

/// Lists the names of a project's logstores.
///
/// Refused with `ParameterInvalid` when offset or size is out of range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLogstores {
    project: String,
    offset: Option<u32>,
    size: Option<u32>,
    name: Option<String>,
}

impl ListLogstores {
    /// The most names that one answer holds.
    pub const MAX_SIZE: u32 = 500;

    /// The first logstores of a project, as many as the service likes to give.
    pub fn new(project: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            offset: None,
            size: None,
            name: None,
        }
    }

    /// Leaves out this many logstores first. Default: 0.
    #[must_use]
    pub fn with_offset(mut self, offset: u32) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Asks for at most this many logstores. Default: the service's choice.
    ///
    /// More than 500 do not fit one answer, and one request asks for 500 then; a client
    /// may go on from there.
    #[must_use]
    pub fn with_size(mut self, size: u32) -> Self {
        self.size = Some(size);
        self
    }

    /// Only logstores with this text in their name.
    #[must_use]
    pub fn with_name(mut self, part: impl Into<String>) -> Self {
        self.name = Some(part.into());
        self
    }

    /// How many logstores are left out first.
    pub fn offset(&self) -> u32 {
        self.offset.unwrap_or_default()
    }

    /// How many logstores are asked for at most, where that is not the service's choice.
    pub fn size(&self) -> Option<u32> {
        self.size
    }
}

impl Sealed for ListLogstores {}

impl Operation for ListLogstores {
    type Reply = Page<String>;
    const NAME: &'static str = "ListLogStores";

    fn project(&self) -> &str {
        &self.project
    }

    fn encode(&self) -> ApiRequest {
        let mut request = ApiRequest::new(Method::GET, "/logstores");
        if let Some(offset) = self.offset {
            request = request.with_query("offset", offset.to_string());
        }
        if let Some(size) = self.size {
            request = request.with_query("size", size.min(Self::MAX_SIZE).to_string());
        }
        if let Some(part) = &self.name {
            request = request.with_query("logstoreName", part.clone());
        }
        request
    }

    fn decode(&self, reply: &ApiReply) -> Result<Page<String>, InvalidReply> {
        #[derive(Deserialize)]
        struct Body {
            total: u64,
            // Absent in the answer of an empty project.
            #[serde(default)]
            logstores: Vec<String>,
        }
        let body: Body = reply.json()?;
        Ok(Page {
            items: body.logstores,
            total: body.total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok};

    #[test]
    fn an_empty_project_may_leave_the_list_out() {
        let list = ListLogstores::new("p");
        let page = list.read(&ok(r#"{"count":0,"total":0}"#)).unwrap();
        assert_eq!(page, Page::default());
        check_invalid(&list, &ok(r#"{"logstores":["a"]}"#));
        check_invalid(&list, &ok(r#"{"total":1,"logstores":[{}]}"#));
    }
}
