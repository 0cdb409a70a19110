use http::Method;
use serde::{Deserialize, Serialize};

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{Progress, QueryRow};

/// Gives the logs that one writer wrote before and after a log.
///
/// A log names its place in `__tag__:__pack_id__` and `__pack_meta__`, which a search shows
/// when its query ends in `|with_pack_meta`. An answer may be incomplete, because one call
/// has a limited time; the same call again goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetContextLogs {
    project: String,
    logstore: String,
    pack_id: String,
    pack_meta: String,
    back_lines: u32,
    forward_lines: u32,
}

impl GetContextLogs {
    /// The most logs before, and the most after, that one call gives.
    pub const MAX_LINES: u32 = 100;

    /// Asks for a hundred logs before and a hundred after the one at this place.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        pack_id: impl Into<String>,
        pack_meta: impl Into<String>,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            pack_id: pack_id.into(),
            pack_meta: pack_meta.into(),
            back_lines: Self::MAX_LINES,
            forward_lines: Self::MAX_LINES,
        }
    }

    /// Asks for this many logs before and after, 0 to 100 each and not both 0.
    #[must_use]
    pub fn with_lines(mut self, back: u32, forward: u32) -> Self {
        self.back_lines = back;
        self.forward_lines = forward;
        self
    }
}

impl Sealed for GetContextLogs {}

impl Operation for GetContextLogs {
    type Reply = ContextLogs;
    const NAME: &'static str = "GetContextLogs";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(Method::GET, format!("/logstores/{}", Name(&self.logstore)))
            .with_query("type", "context_log")
            .with_query("pack_id", self.pack_id.clone())
            .with_query("pack_meta", self.pack_meta.clone())
            .with_query("back_lines", self.back_lines.to_string())
            .with_query("forward_lines", self.forward_lines.to_string())
    }

    fn decode(&self, reply: &ApiReply) -> Result<ContextLogs, InvalidReply> {
        reply.json()
    }
}

/// The logs around a log, that log included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLogs {
    /// Whether the service looked at everything.
    pub progress: Progress,
    /// How many logs there are.
    #[serde(with = "crate::model::number")]
    pub total_lines: u64,
    /// How many of them come before.
    #[serde(with = "crate::model::number")]
    pub back_lines: u64,
    /// How many of them come after.
    #[serde(with = "crate::model::number")]
    pub forward_lines: u64,
    /// The logs in the order they were written; `__index_number__` is negative before the
    /// one that was asked about, 0 for it and positive after.
    pub logs: Vec<QueryRow>,
}

impl ContextLogs {
    /// Whether the service looked at everything.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok};

    #[test]
    fn counts_may_be_text_and_may_not_be_missing() {
        let get = GetContextLogs::new("p", "l", "1-2", "0|x|1|2");
        let body = r#"{"progress":"Complete","total_lines":"1","back_lines":0,"forward_lines":0,"logs":[{"__index_number__":"0"}]}"#;
        let found = get.read(&ok(body)).unwrap();
        assert_eq!(found.total_lines, 1);
        assert!(found.is_complete());
        check_invalid(&get, &ok(r#"{"progress":"Complete","logs":[]}"#));
        check_invalid(&get, &ok("[]"));
    }
}
