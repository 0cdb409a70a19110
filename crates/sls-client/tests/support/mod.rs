//! A client that takes its answers from a script.

use bytes::Bytes;
use http::Response;
use serde_json::json;
use sls_client::{Client, Credentials, StaticCredentials};
use telemetry_delivery::{
    Reply, RetryConfig, ScriptedTransport, TransportError, TransportErrorKind,
};

/// A client that makes as many attempts as there are answers.
pub(crate) fn client(replies: Vec<Reply>) -> (Client, ScriptedTransport) {
    let credentials = StaticCredentials::new(Credentials::new("id", "secret"));
    let attempts = replies.len() as u32;
    let transport = ScriptedTransport::new(replies);
    let client = Client::builder("example.test".parse().unwrap(), credentials)
        .with_retry(RetryConfig::default().with_max_attempts(attempts))
        .build_with(transport.clone())
        .unwrap();
    (client, transport)
}

/// The empty answer of a call that was performed.
pub(crate) fn done() -> Reply {
    let response = Response::builder().header("x-log-requestid", "5E3A");
    Reply::response(response.body(Bytes::new()).unwrap())
}

pub(crate) fn refused(status: u16, code: &str) -> Reply {
    let body = json!({ "errorCode": code, "errorMessage": "" });
    let response = Response::builder().status(status);
    Reply::response(response.body(Bytes::from(body.to_string())).unwrap())
}

/// No answer.
pub(crate) fn failed() -> Reply {
    Reply::error(TransportError::new(TransportErrorKind::Connect, "no way"))
}
