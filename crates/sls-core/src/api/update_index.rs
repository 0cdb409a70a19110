use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::IndexConfig;

/// Replaces the index of a logstore.
///
/// Logs that are there already keep the index they have. Refused with `ParameterInvalid` when
/// there is none, and with `IndexInfoInvalid` when a setting is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateIndex {
    project: String,
    logstore: String,
    index: IndexConfig,
}

impl UpdateIndex {
    /// Makes `index` the whole index; what it does not hold is removed.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        index: IndexConfig,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            index,
        }
    }
}

impl Sealed for UpdateIndex {}

impl Operation for UpdateIndex {
    type Reply = ();
    const NAME: &'static str = "UpdateIndex";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::PUT,
            format!("/logstores/{}/index", Name(&self.logstore)),
        )
        .with_json(&self.index.writable())
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
