use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{LogQuery, QueryMeta, QueryResult, QueryRow, wire_time};
use crate::wire::Compression;

/// Searches a logstore, or runs SQL over what a search finds.
///
/// An answer may be incomplete, because one call has a limited time; the same call again
/// goes on from there. Refused with `IndexConfigNotExist` when the logstore has no index,
/// with `InvalidTimeRange` when `from` is not before `to`, and with `InvalidQueryString` or
/// `ParameterInvalid` when the query cannot be read; the message then says where.
///
/// This is the third and present form of the call; [`GetLogsV2`](super::GetLogsV2) is the
/// one before.
#[doc(alias = "GetLogsV3")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetLogs {
    project: String,
    logstore: String,
    query: LogQuery,
    accept: Compression,
    max_raw_size: usize,
}

impl GetLogs {
    /// The largest decompressed answer accepted unless told otherwise: 64 MiB, several
    /// times what the service is known to send.
    pub const DEFAULT_MAX_RAW_SIZE: usize = 64 << 20;

    /// Searches one logstore.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>, query: LogQuery) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            query,
            accept: Compression::default(),
            max_raw_size: Self::DEFAULT_MAX_RAW_SIZE,
        }
    }

    /// The compression the answer may have. Default: LZ4.
    #[must_use]
    pub fn with_accept(mut self, compression: Compression) -> Self {
        self.accept = compression;
        self
    }

    /// The largest answer accepted after decompression, in bytes. Default: 64 MiB.
    #[must_use]
    pub fn with_max_raw_size(mut self, bytes: usize) -> Self {
        self.max_raw_size = bytes;
        self
    }
}

impl Sealed for GetLogs {}

impl Operation for GetLogs {
    type Reply = QueryResult;
    const NAME: &'static str = "GetLogsV3";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        let query = &self.query;
        let ((from, from_ns), (to, to_ns)) = (wire_time(query.from), wire_time(query.to));
        let mut body = json!({
            "from": from,
            "to": to,
            "fromNs": from_ns,
            "toNs": to_ns,
            "line": query.line,
            "offset": query.offset,
            "reverse": query.reverse,
            "powerSql": query.power_sql,
            "accurate": query.accurate,
            "forward": query.forward,
        });
        if !query.topic.is_empty() {
            body["topic"] = json!(query.topic);
        }
        if !query.query.is_empty() {
            body["query"] = json!(query.query);
        }
        if query.scan {
            body["session"] = json!("mode=scan");
        }
        if query.highlight {
            body["highlight"] = json!(true);
        }
        let accept = HeaderValue::from_static(self.accept.name().unwrap_or(""));
        ApiRequest::new(
            Method::POST,
            format!("/logstores/{}/logs", Name(&self.logstore)),
        )
        .with_header(header::ACCEPT_ENCODING, accept)
        .with_json(&body)
    }

    fn decode(&self, reply: &ApiReply) -> Result<QueryResult, InvalidReply> {
        #[derive(Deserialize)]
        struct Body {
            meta: QueryMeta,
            data: Vec<QueryRow>,
        }
        let body: Body = reply.decompressed(self.max_raw_size)?.json()?;
        Ok(QueryResult {
            meta: body.meta,
            rows: body.data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{answer, check_invalid, check_refused, ok, ok_with};
    use crate::code::ErrorCode;
    use crate::wire::headers;
    use serde_json::Value;
    use std::time::{Duration, UNIX_EPOCH};

    fn get() -> GetLogs {
        let from = UNIX_EPOCH + Duration::new(1, 2);
        let query = LogQuery::between(from, from + Duration::from_secs(1));
        GetLogs::new("p", "l", query)
    }

    #[test]
    fn a_time_below_the_second_travels_apart() {
        let body: Value = serde_json::from_slice(&get().encode().body).unwrap();
        for (name, want) in [("from", 1), ("fromNs", 2), ("to", 2), ("toNs", 2)] {
            assert_eq!(body[name], json!(want), "{name}");
        }
        for name in ["topic", "query", "session", "highlight"] {
            assert_eq!(body.get(name), None, "{name}");
        }
    }

    #[test]
    fn an_answer_without_meta_or_data_is_refused() {
        for body in ["", "[]", "{}", r#"{"meta":{}}"#, r#"{"data":[]}"#] {
            check_invalid(&get(), &ok(body));
        }
        let empty = get().read(&ok(r#"{"meta":{},"data":[]}"#)).unwrap();
        assert!(!empty.is_complete());
    }

    #[test]
    fn a_compressed_answer_is_undone_within_the_limit() {
        let text = format!(
            r#"{{"meta":{{"progress":"Complete"}},"data":[{{"a":"{0:0>999}"}}]}}"#,
            1
        );
        let mut reply = answer(200, Compression::Lz4.compress(text.as_bytes()));
        reply
            .headers
            .insert(headers::COMPRESS_TYPE, HeaderValue::from_static("lz4"));
        check_invalid(&get(), &reply);
        reply
            .headers
            .insert(headers::BODY_RAW_SIZE, HeaderValue::from(text.len()));
        let result = get().read(&reply).unwrap();
        assert!(result.is_complete());
        assert_eq!(result.to_string(), "1 rows, Complete");
        check_invalid(&get().with_max_raw_size(100), &reply);
    }

    #[test]
    fn an_unknown_compression_is_named() {
        let reply = ok_with(
            &[
                (headers::COMPRESS_TYPE, "brotli"),
                (headers::BODY_RAW_SIZE, "2"),
            ],
            "{}",
        );
        let error = get().read(&reply).unwrap_err().to_string();
        assert!(error.contains("brotli"), "{error}");
    }

    #[test]
    fn a_logstore_without_an_index_is_refused_by_code() {
        let code = ErrorCode::IndexConfigNotExist;
        check_refused(&get(), 400, "IndexConfigNotExist", &code);
        check_refused(&get(), 404, "indexconfignotexist", &code);
    }
}
