//! The service's operations: a request out, a reply in, side by side.
//!
//! Each operation is a struct that holds its parameters. [`Operation::encode`] gives the
//! request without address and signature, [`Operation::decode`] reads the answer; neither
//! does any I/O, so any client can perform them.
//!
//! Read one file and you have read them all.

mod create_logstore;
mod create_project;
mod get_cursor;
mod get_cursor_time;
mod get_logstore;
mod get_project;
mod list_shards;
mod pull_logs;
mod put_logs;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::code::ErrorCode;
use crate::error::{BoxError, Call, Error, RequestId};
use crate::one_line::OneLine;
use crate::wire::headers;

pub use create_logstore::CreateLogstore;
pub use create_project::CreateProject;
pub use get_cursor::GetCursor;
pub use get_cursor_time::GetCursorTime;
pub use get_logstore::GetLogstore;
pub use get_project::GetProject;
pub use list_shards::{ListShards, ShardList};
pub use pull_logs::{Processing, PullLogs, PulledLogs, ScanStats};
pub use put_logs::{PutBody, PutLogs};

/// One operation of the service. Sealed: new required methods may come.
pub trait Operation: Sealed + Send + Sync {
    /// What the answer holds.
    type Reply: Send;

    /// The name of the operation in the service's manual.
    const NAME: &'static str;

    /// The project it is about, empty for the account.
    fn project(&self) -> &str;

    /// What it is about, for people: project, logstore, shard.
    fn resource(&self) -> String {
        self.project().to_owned()
    }

    /// The request, without address and signature.
    fn encode(&self) -> ApiRequest;

    /// Reads an answer of status 200.
    ///
    /// # Errors
    /// Says what is wrong with the answer.
    fn decode(&self, reply: &ApiReply) -> Result<Self::Reply, InvalidReply>;

    /// The name of this call in errors.
    fn call(&self) -> Call {
        Call::new(Self::NAME, self.resource())
    }

    /// Reads any answer: the reply, or the refusal as an error.
    ///
    /// Only status 200 is success on this service.
    ///
    /// # Errors
    /// [`Error::Service`] for a refusal, [`Error::BadAnswer`] for what is neither a refusal
    /// nor a reply.
    fn read(&self, reply: &ApiReply) -> Result<Self::Reply, Error> {
        if reply.status != StatusCode::OK {
            return Err(reply.refusal(self.call()));
        }
        self.decode(reply).map_err(|invalid| Error::BadAnswer {
            call: self.call(),
            status: reply.status.as_u16(),
            request_id: reply.request_id(),
            reason: invalid.reason,
            cause: invalid.cause,
        })
    }
}

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// A request as an operation describes it: no address, no signature.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path before percent-encoding: signatures are made over this form.
    pub path: String,
    /// Query parameters before percent-encoding, in the order they are sent.
    pub query: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// Headers of the operation; `Host` and the signature's come on top.
    pub headers: HeaderMap,
    /// The body as it is sent.
    pub body: Bytes,
}

impl ApiRequest {
    /// A request without body: `x-log-bodyrawsize` is 0 then.
    fn new(method: Method, path: impl Into<String>) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(
            headers::API_VERSION,
            HeaderValue::from_static(headers::API_VERSION_VALUE),
        );
        headers.insert(headers::BODY_RAW_SIZE, HeaderValue::from_static("0"));
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers,
            body: Bytes::new(),
        }
    }

    fn with_query(mut self, key: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.query.push((Cow::Borrowed(key), value.into()));
        self
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn with_content_type(self, value: &'static str) -> Self {
        self.with_header(header::CONTENT_TYPE, HeaderValue::from_static(value))
    }

    fn with_json(self, value: &serde_json::Value) -> Self {
        let body = Bytes::from(value.to_string());
        let raw_size = HeaderValue::from(body.len());
        let mut request = self
            .with_content_type(headers::JSON)
            .with_header(headers::BODY_RAW_SIZE, raw_size);
        request.body = body;
        request
    }

    /// Path and query in percent-encoding, ready for a request line.
    pub fn path_and_query(&self) -> String {
        let mut text = String::with_capacity(self.path.len() + 32 * self.query.len());
        text.extend(utf8_percent_encode(&self.path, PATH));
        for (index, (key, value)) in self.query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(key, QUERY));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY));
        }
        text
    }
}

/// Everything but the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// An answer as it arrived.
#[derive(Debug, Clone)]
pub struct ApiReply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as sent, that is, possibly compressed.
    pub body: Bytes,
}

impl ApiReply {
    /// The service's name for the call.
    pub fn request_id(&self) -> RequestId {
        RequestId::new(self.text(&headers::REQUEST_ID).unwrap_or_default())
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// A header that must be there and be a number.
    fn number<T: std::str::FromStr>(&self, name: &HeaderName) -> Result<T, InvalidReply> {
        self.optional_number(name)?
            .ok_or_else(|| InvalidReply::new(format!("header {name} is missing")))
    }

    /// A header that may be absent but must otherwise be a number.
    fn optional_number<T: std::str::FromStr>(
        &self,
        name: &HeaderName,
    ) -> Result<Option<T>, InvalidReply> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| InvalidReply::new(format!("header {name} is not a number")))
            })
            .transpose()
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, InvalidReply> {
        serde_json::from_slice(&self.body).map_err(|cause| InvalidReply {
            reason: "body is not the expected JSON".to_owned(),
            // Quotes what it found in the wrong place, however long that is.
            cause: Some(OneLine(cause).to_string().into()),
        })
    }

    /// The error that a status other than 200 stands for.
    pub fn refusal(&self, call: Call) -> Error {
        #[derive(Deserialize)]
        struct Refusal {
            #[serde(rename = "errorCode")]
            code: String,
            #[serde(rename = "errorMessage", default)]
            message: String,
        }

        let status = self.status.as_u16();
        let request_id = self.request_id();
        match serde_json::from_slice::<Refusal>(&self.body) {
            Ok(refusal) => Error::Service {
                call,
                code: ErrorCode::parse(&refusal.code),
                status,
                request_id,
                message: refusal.message,
            },
            Err(_) => Error::BadAnswer {
                call,
                status,
                request_id,
                reason: match self.body.len() {
                    0 => "the body is empty".to_owned(),
                    len => format!("{len} bytes of {} without an error code", self.kind()),
                },
                cause: None,
            },
        }
    }

    fn kind(&self) -> &str {
        self.headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("unknown content type")
    }
}

/// What is wrong with an answer of status 200.
#[derive(Debug)]
pub struct InvalidReply {
    reason: String,
    cause: Option<BoxError>,
}

impl InvalidReply {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            cause: None,
        }
    }

    fn because(
        reason: impl Into<String>,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            reason: reason.into(),
            cause: Some(Box::new(cause)),
        }
    }
}

impl std::fmt::Display for InvalidReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> ApiReply {
        ApiReply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn list() -> ListShards {
        ListShards::new("p", "l")
    }

    #[test]
    fn a_refusal_keeps_code_status_and_message() {
        let error = list()
            .read(&reply(
                404,
                r#"{"errorCode":"LogStoreNotExist","errorMessage":"no l","x":1}"#,
            ))
            .unwrap_err();
        assert_eq!(error.code(), Some(&ErrorCode::LogStoreNotExist));
        assert_eq!(
            error.to_string(),
            "ListShards p/l refused: LogStoreNotExist: no l (http 404, request unknown)"
        );
    }

    #[test]
    fn anything_but_200_is_no_success() {
        for status in [201, 204, 301, 400] {
            let error = list().read(&reply(status, "[]")).unwrap_err();
            assert!(
                matches!(error, Error::BadAnswer { .. }),
                "{status}: {error}"
            );
        }
    }

    #[test]
    fn a_gateways_page_is_judged_by_its_status() {
        let page = "<html>bad gateway</html>";
        assert!(list().read(&reply(502, page)).unwrap_err().is_retryable());
        assert!(!list().read(&reply(400, page)).unwrap_err().is_retryable());
    }

    #[test]
    fn a_success_of_the_wrong_type_is_a_bad_answer_with_its_cause() {
        let error = list().read(&reply(200, "{}")).unwrap_err();
        assert!(
            matches!(error, Error::BadAnswer { cause: Some(_), .. }),
            "{error}"
        );
    }

    #[test]
    fn spaces_and_slashes_of_a_query_are_percent_encoded() {
        let request =
            ApiRequest::new(Method::GET, "/logstores/a b").with_query("query", "* | x=/+");
        assert_eq!(
            request.path_and_query(),
            "/logstores/a%20b?query=%2A%20%7C%20x%3D%2F%2B"
        );
    }
}
