use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::code::ErrorCode;
use crate::error::{BoxError, Call, Error, RequestId};
use crate::one_line::OneLine;
use crate::wire::{Compression, headers};

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

    pub(super) fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// A header that must be there and be a number.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        name: &HeaderName,
    ) -> Result<T, InvalidReply> {
        self.optional_number(name)?
            .ok_or_else(|| InvalidReply::new(format!("header {name} is missing")))
    }

    /// A header that is of use when it is a number, and otherwise as if it were absent: a
    /// batch must not be lost to what only comes with it.
    pub(super) fn number_if_any<T: std::str::FromStr>(&self, name: &HeaderName) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// A header that may be absent but must otherwise be a number.
    pub(super) fn optional_number<T: std::str::FromStr>(
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

    /// A header that may hold any text, for instance a query.
    pub(super) fn lossy_text(&self, name: &HeaderName) -> Option<String> {
        let value = self.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    }

    /// The body after decompression into exactly `raw_size` bytes, which may not be more
    /// than `limit`.
    pub(super) fn decompress(&self, raw_size: usize, limit: usize) -> Result<Bytes, InvalidReply> {
        let name = self.text(&headers::COMPRESS_TYPE).unwrap_or_default();
        let Some(compression) = Compression::from_name(name) else {
            return Err(InvalidReply::new(format!(
                "compression {name:?} is not known to this build"
            )));
        };
        if compression == Compression::None && self.body.len() == raw_size {
            return Ok(self.body.clone());
        }
        compression
            .decompress(&self.body, raw_size, limit)
            .map(Bytes::from)
            .map_err(|cause| InvalidReply::because("body cannot be decompressed", cause))
    }

    /// The same answer, its body decompressed if it has to be.
    pub(super) fn decompressed(&self, limit: usize) -> Result<Cow<'_, Self>, InvalidReply> {
        if self.text(&headers::COMPRESS_TYPE).is_none() {
            return Ok(Cow::Borrowed(self));
        }
        let raw_size = self.number(&headers::BODY_RAW_SIZE)?;
        Ok(Cow::Owned(Self {
            body: self.decompress(raw_size, limit)?,
            ..self.clone()
        }))
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, InvalidReply> {
        serde_json::from_slice(&self.body).map_err(|cause| InvalidReply {
            reason: "body is not the expected JSON".to_owned(),
            // Quotes what it found in the wrong place, however long that is.
            cause: Some(OneLine(cause).to_string().into()),
        })
    }

    /// The error that a status other than 200 stands for.
    pub fn refusal(&self, call: Call) -> Error {
        let status = self.status.as_u16();
        let request_id = self.request_id();
        match self.code_and_message() {
            Some((code, message)) => Error::Service {
                call,
                code: ErrorCode::parse(&code),
                status,
                request_id,
                message,
            },
            None => Error::BadAnswer {
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

    /// Reads a refusal as leniently as can be: the code decides about another try, and must
    /// not be lost to a message that is null, a number or not UTF-8.
    fn code_and_message(&self) -> Option<(String, String)> {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim_start_matches('\u{feff}');
        let refusal: serde_json::Value = serde_json::from_str(text).ok()?;
        let code = refusal.get("errorCode")?.as_str()?.to_owned();
        let message = match refusal.get("errorMessage") {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(message)) => message.clone(),
            Some(other) => other.to_string(),
        };
        Some((code, message))
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
    pub(super) reason: String,
    pub(super) cause: Option<BoxError>,
}

impl InvalidReply {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            cause: None,
        }
    }

    pub(super) fn because(
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
    use crate::api::{ListShards, Operation};

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
    fn a_code_is_not_lost_to_an_odd_message() {
        for (message, want) in [("null", ""), ("7", "7"), ("\"a\\u0000\"", "a\0")] {
            let body = format!(r#"{{"errorCode":"ServerBusy","errorMessage":{message}}}"#);
            for body in [
                body.clone().into_bytes(),
                format!("\u{feff}{body}").into_bytes(),
            ] {
                let mut odd = reply(403, "");
                odd.body = body.into();
                let error = list().read(&odd).unwrap_err();
                assert_eq!(error.code(), Some(&ErrorCode::ServerBusy), "{error}");
                let Error::Service { message, .. } = error else {
                    panic!("not a refusal");
                };
                assert_eq!(message, want);
            }
        }
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
}
