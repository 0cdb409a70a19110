use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::IndexConfig;

/// Gives a logstore an index.
///
/// Logs that are there already do not take part. Refused with `IndexAlreadyExist` when there
/// is one, and with `IndexInfoInvalid` or `ParameterInvalid` when a setting is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    project: String,
    logstore: String,
    index: IndexConfig,
}

impl CreateIndex {
    /// Makes the index that `index` describes.
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

impl Sealed for CreateIndex {}

impl Operation for CreateIndex {
    type Reply = ();
    const NAME: &'static str = "CreateIndex";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::POST,
            format!("/logstores/{}/index", Name(&self.logstore)),
        )
        .with_json(&self.index.writable())
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
