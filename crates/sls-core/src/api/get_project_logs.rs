use http::Method;

use super::get_logs_v2::result_in_headers;
use super::{ApiReply, ApiRequest, InvalidReply, Operation, Sealed};
use crate::model::QueryResult;

/// Runs SQL over the logstores of a project, each a table under its own name.
///
/// The time belongs into the query, as a condition on `__time__`. Refused with
/// `ParameterInvalid` when the query cannot be read; the message says where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetProjectLogs {
    project: String,
    query: String,
    power_sql: bool,
}

impl GetProjectLogs {
    /// Runs one `select`.
    pub fn new(project: impl Into<String>, query: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            query: query.into(),
            power_sql: false,
        }
    }

    /// Whether to run with more machines and for more money. Default: no.
    #[must_use]
    pub fn with_power_sql(mut self, power_sql: bool) -> Self {
        self.power_sql = power_sql;
        self
    }
}

impl Sealed for GetProjectLogs {}

impl Operation for GetProjectLogs {
    type Reply = QueryResult;
    const NAME: &'static str = "GetProjectLogs";

    fn project(&self) -> &str {
        &self.project
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(Method::GET, "/logs")
            .with_query("query", self.query.clone())
            .with_query("powerSql", self.power_sql.to_string())
    }

    fn decode(&self, reply: &ApiReply) -> Result<QueryResult, InvalidReply> {
        result_in_headers(reply)
    }
}
