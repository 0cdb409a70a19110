//! Numbers about calls, one set for each call and none for each log.
//!
//! The table of names is on the front page.

use std::time::Duration;

use metrics::{counter, histogram};
use sls_core::{Error, RetryClass};

/// A call that was answered.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) operation: &'static str,
    pub(crate) attempts: u32,
    pub(crate) round_trip: Duration,
    pub(crate) request_bytes: usize,
    pub(crate) response_bytes: usize,
    pub(crate) error: Option<&'a Error>,
}

pub(crate) fn answered(call: &Answered<'_>) {
    let operation = call.operation;
    attempted(operation, call.attempts);
    let size = |bytes: usize| bytes as f64;
    histogram!("sls_client_round_trip_seconds", "operation" => operation).record(call.round_trip);
    histogram!("sls_client_request_bytes", "operation" => operation)
        .record(size(call.request_bytes));
    histogram!("sls_client_response_bytes", "operation" => operation)
        .record(size(call.response_bytes));
    if let Some(error) = call.error {
        failed(operation, class(error));
    }
}

pub(crate) fn not_answered(operation: &'static str, attempts: u32) {
    attempted(operation, attempts);
    failed(operation, "no_answer");
}

fn attempted(operation: &'static str, attempts: u32) {
    let retries = u64::from(attempts.saturating_sub(1));
    counter!("sls_client_attempts_total", "operation" => operation).increment(u64::from(attempts));
    counter!("sls_client_retries_total", "operation" => operation).increment(retries);
}

fn failed(operation: &'static str, class: &'static str) {
    counter!("sls_client_failures_total", "operation" => operation, "class" => class).increment(1);
}

/// A handful of classes rather than the service's codes, of which there is no complete list.
fn class(error: &Error) -> &'static str {
    if !matches!(error, Error::Service { .. }) {
        return "bad_answer";
    }
    match error.retry_class() {
        RetryClass::Never => "refused",
        RetryClass::Backoff => "busy",
        RetryClass::Quota => "quota",
        RetryClass::ClockSkew => "clock_skew",
        RetryClass::Credentials => "credentials",
    }
}
