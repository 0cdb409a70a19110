use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{LogQuery, PhraseQueryInfo, QueryMeta, QueryMode, QueryResult, wire_time};
use crate::wire::headers;

/// Searches a logstore by the older form of [`GetLogs`](super::GetLogs).
///
/// The answer tells less about how the search went, in headers, and is not compressed.
/// Refused as the newer form is. For servers that do not know that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetLogsV2 {
    project: String,
    logstore: String,
    query: LogQuery,
}

impl GetLogsV2 {
    /// Searches one logstore; [`LogQuery::highlight`] has no effect here.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>, query: LogQuery) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            query,
        }
    }
}

impl Sealed for GetLogsV2 {}

impl Operation for GetLogsV2 {
    type Reply = QueryResult;
    const NAME: &'static str = "GetLogs";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        let query = &self.query;
        let ((from, from_ns), (to, to_ns)) = (wire_time(query.from), wire_time(query.to));
        let mut request =
            ApiRequest::new(Method::GET, format!("/logstores/{}", Name(&self.logstore)))
                .with_query("type", "log")
                .with_query("from", from.to_string())
                .with_query("to", to.to_string())
                .with_query("fromNs", from_ns.to_string())
                .with_query("toNs", to_ns.to_string())
                .with_query("line", query.line.to_string())
                .with_query("offset", query.offset.to_string())
                .with_query("reverse", query.reverse.to_string())
                .with_query("powerSql", query.power_sql.to_string())
                .with_query("accurate", query.accurate.to_string());
        if !query.topic.is_empty() {
            request = request.with_query("topic", query.topic.clone());
        }
        if !query.query.is_empty() {
            request = request.with_query("query", query.query.clone());
        }
        if query.scan {
            request = request
                .with_query("session", "mode=scan")
                .with_query("forward", query.forward.to_string());
        }
        request
    }

    fn decode(&self, reply: &ApiReply) -> Result<QueryResult, InvalidReply> {
        result_in_headers(reply)
    }
}

/// Rows in the body, and how the search went in headers.
pub(super) fn result_in_headers(reply: &ApiReply) -> Result<QueryResult, InvalidReply> {
    let rows: Vec<_> = reply.json()?;
    let progress = reply
        .text(&headers::PROGRESS)
        .ok_or_else(|| InvalidReply::new(format!("header {} is missing", headers::PROGRESS)))?;
    let mut meta = QueryMeta {
        progress: progress.to_owned().into(),
        count: rows.len() as u64,
        processed_rows: reply
            .optional_number(&headers::PROCESSED_ROWS)?
            .unwrap_or_default(),
        elapsed_ms: reply
            .optional_number(&headers::ELAPSED_MILLISECOND)?
            .unwrap_or_default(),
        has_sql: reply
            .text(&headers::HAS_SQL)
            .is_some_and(|flag| flag.eq_ignore_ascii_case("true")),
        where_query: reply.lossy_text(&headers::WHERE_QUERY).unwrap_or_default(),
        agg_query: Some(reply.lossy_text(&headers::AGG_QUERY).unwrap_or_default()),
        cpu_sec: reply
            .optional_number(&headers::CPU_SEC)?
            .unwrap_or_default(),
        cpu_cores: reply
            .optional_number(&headers::CPU_CORES)?
            .unwrap_or_default(),
        ..QueryMeta::default()
    };
    let info = reply.lossy_text(&headers::QUERY_INFO).unwrap_or_default();
    if !info.is_empty() {
        let info: QueryInfo = serde_json::from_str(&info).map_err(|cause| {
            InvalidReply::because(
                format!("header {} is not the expected JSON", headers::QUERY_INFO),
                cause,
            )
        })?;
        meta.mode = info.mode;
        meta.scan_bytes = info.scan_bytes;
        meta.phrase_query_info = info.phrase_query_info;
    }
    Ok(QueryResult { meta, rows })
}

/// The header `x-log-query-info`, which tells of phrase searches and scans.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct QueryInfo {
    mode: QueryMode,
    #[serde(with = "crate::model::number")]
    scan_bytes: u64,
    phrase_query_info: Option<PhraseQueryInfo>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok, ok_with};
    use std::time::{Duration, UNIX_EPOCH};

    fn get() -> GetLogsV2 {
        let query = LogQuery::between(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(1));
        GetLogsV2::new("p", "l", query)
    }

    #[test]
    fn how_the_search_went_is_read_from_headers() {
        let reply = ok_with(
            &[
                (headers::PROGRESS, "Complete"),
                (headers::PROCESSED_ROWS, "7"),
                (headers::HAS_SQL, "True"),
                (headers::CPU_SEC, "0.25"),
                (
                    headers::QUERY_INFO,
                    r#"{"mode":2,"scanBytes":"99","phraseQueryInfo":{"scanAll":"true","endOffset":"5"}}"#,
                ),
            ],
            r#"[{"a":"1"}]"#,
        );
        let meta = get().read(&reply).unwrap().meta;
        assert_eq!((meta.count, meta.processed_rows), (1, 7));
        assert!(meta.has_sql);
        assert_eq!(meta.cpu_sec, 0.25);
        assert_eq!((meta.mode, meta.scan_bytes), (QueryMode::Scan, 99));
        let info = meta.phrase_query_info.unwrap();
        assert!(info.scan_all);
        assert_eq!(info.end_offset, 5);
    }

    #[test]
    fn an_answer_that_does_not_say_whether_it_is_complete_is_refused() {
        check_invalid(&get(), &ok("[]"));
        let complete = (headers::PROGRESS, "Complete");
        check_invalid(
            &get(),
            &ok_with(std::slice::from_ref(&complete), r#"{"data":[]}"#),
        );
        check_invalid(
            &get(),
            &ok_with(&[complete, (headers::QUERY_INFO, "{")], "[]"),
        );
    }
}
