use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::IndexConfig;

/// Gives the index of a logstore.
///
/// Refused with `IndexConfigNotExist` when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetIndex {
    project: String,
    logstore: String,
}

impl GetIndex {
    /// Asks about the index of a logstore.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
        }
    }
}

impl Sealed for GetIndex {}

impl Operation for GetIndex {
    type Reply = IndexConfig;
    const NAME: &'static str = "GetIndex";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::GET,
            format!("/logstores/{}/index", Name(&self.logstore)),
        )
    }

    fn decode(&self, reply: &ApiReply) -> Result<IndexConfig, InvalidReply> {
        reply.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok};

    #[test]
    fn a_field_without_a_type_is_refused_and_null_is_no_field() {
        let get = GetIndex::new("p", "l");
        check_invalid(&get, &ok(r#"{"keys":{"a":{"doc_value":true}}}"#));
        check_invalid(&get, &ok(r#"{"keys":[]}"#));
        let index = get.read(&ok(r#"{"line":null,"keys":null}"#)).unwrap();
        assert_eq!(index, IndexConfig::default());
    }
}
