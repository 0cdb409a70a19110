//! Any body of any status is a refusal or a bad answer, on one line, and keeps its facts.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sls_core::api::ApiReply;
use sls_core::wire::headers::REQUEST_ID;
use sls_core::{Call, Error, ErrorCode};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    status: u16,
    content_type: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let status = StatusCode::from_u16(100 + input.status % 900).expect("three digits");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, input.content_type),
        (REQUEST_ID, input.request_id),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::from_bytes) {
            headers.insert(name, value);
        }
    }
    let reply = ApiReply {
        status,
        headers,
        body: Bytes::copy_from_slice(input.body),
    };
    let error = reply.refusal(Call::new("PutLogs", "project/logstore"));
    assert_eq!(error.status(), Some(status.as_u16()));
    assert_eq!(error.call().operation(), "PutLogs");
    assert_eq!(error.request_id(), Some(&reply.request_id()));
    let _ = (
        error.is_retryable(),
        error.retry_class(),
        format!("{error:?}"),
    );
    match &error {
        Error::Service { code, .. } => {
            assert_eq!(ErrorCode::parse(code.as_str()), *code);
            assert_eq!(error.code(), Some(code));
        }
        Error::BadAnswer { .. } => {
            assert_eq!(error.code(), None);
        }
        other => panic!("{other}"),
    }
    assert!(!error.to_string().is_empty());
});
