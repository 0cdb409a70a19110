//! Answers for the tests of the operations.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{ApiReply, Operation};
use crate::code::ErrorCode;
use crate::error::Error;

/// An answer of status 200.
pub(crate) fn ok(body: &'static str) -> ApiReply {
    answer(200, body)
}

/// An answer of status 200 with headers.
pub(crate) fn ok_with(headers: &[(HeaderName, &'static str)], body: &'static str) -> ApiReply {
    let mut reply = ok(body);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        reply.headers.insert(name, value);
    }
    reply
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> ApiReply {
    ApiReply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

/// The answer is not what the operation promises, and the error says so.
#[track_caller]
pub(crate) fn check_invalid<O: Operation<Reply: std::fmt::Debug>>(operation: &O, reply: &ApiReply) {
    let error = operation.read(reply).unwrap_err();
    assert!(matches!(error, Error::BadAnswer { .. }), "{error}");
}

/// The answer is a refusal with this code.
#[track_caller]
pub(crate) fn check_refused<O: Operation<Reply: std::fmt::Debug>>(
    operation: &O,
    status: u16,
    code: &str,
    want: &ErrorCode,
) {
    let body = format!(r#"{{"errorCode":"{code}","errorMessage":"no"}}"#);
    let error = operation.read(&answer(status, body)).unwrap_err();
    assert_eq!(error.code(), Some(want), "{error}");
    assert_eq!(error.status(), Some(status));
}
