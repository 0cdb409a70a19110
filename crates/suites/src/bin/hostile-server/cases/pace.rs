//! Servers that are slow, or never come to an end.

use std::future::pending;
use std::time::Duration;

use sls_core::model::{Log, LogGroup};
use sls_core::wire::EncodedGroup;
use telemetry_delivery::{HttpsConfig, RetryConfig, TimeoutKind, TransportErrorKind};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::case::{
    Case, MIB, Outcome, SOON, answer, case, client_with, client_within, list_shards, no_answer,
    no_answer_of, pull, refused,
};
use crate::server::{Server, read_request};

const DRIP: Duration = Duration::from_millis(5);
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";

pub(crate) const CASES: &[Case] = &[
    case!("drips a body, attempt limit", async {
        let server = Server::repeating(HEAD, b"x", DRIP).await;
        let https = HttpsConfig::default().with_attempt_timeout(SOON);
        let result = pull(&client_within(&server, https)).await;
        no_answer(result, timeout(TimeoutKind::Attempt))
    }),
    case!("drips a body, minimum throughput", async {
        let server = Server::repeating(HEAD, b"x", DRIP).await;
        let https = HttpsConfig::default().with_min_throughput(1000, SOON);
        let result = pull(&client_within(&server, https)).await;
        no_answer(result, timeout(TimeoutKind::Throughput))
    }),
    case!("falls silent in a body", async {
        let server = Server::repeating(HEAD, b"x", 40 * SOON).await;
        let https = HttpsConfig::default().with_read_idle_timeout(SOON);
        let result = pull(&client_within(&server, https)).await;
        no_answer(result, timeout(TimeoutKind::ReadIdle))
    }),
    case!("drips a head", async {
        let server = Server::repeating(b"HTTP/1.1 200 OK\r\nx-", b"x", DRIP).await;
        let https = HttpsConfig::default().with_attempt_timeout(SOON);
        let result = pull(&client_within(&server, https)).await;
        no_answer(result, timeout(TimeoutKind::Attempt))
    }),
    case!("never answers, one attempt", async {
        let server = Server::start(|stream, _| holding(stream)).await;
        let https = HttpsConfig::default().with_attempt_timeout(SOON);
        let result = pull(&client_within(&server, https)).await;
        no_answer(result, timeout(TimeoutKind::Attempt))
    }),
    case!("never answers, total deadline", deadline_in_flight()),
    case!(
        "never answers, attempt after attempt",
        deadline_after_attempts()
    ),
    case!("never reads what is put", never_reads()),
    case!("interim answers without end", async {
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        let server = Server::repeating(interim, interim, Duration::ZERO).await;
        let https = HttpsConfig::default().with_attempt_timeout(SOON);
        let result = pull(&client_within(&server, https)).await;
        no_answer(result, timeout(TimeoutKind::Attempt))
    }),
    case!("wants to be left alone for a day", left_alone()),
];

const fn timeout(which: TimeoutKind) -> TransportErrorKind {
    TransportErrorKind::Timeout(which)
}

/// Keeps the connection and says nothing.
async fn holding(mut stream: TcpStream) {
    read_request(&mut stream).await;
    pending::<()>().await;
}

async fn deadline_in_flight() -> Outcome {
    let server = Server::start(|stream, _| holding(stream)).await;
    let retry = RetryConfig::default().with_deadline(2 * SOON);
    let began = Instant::now();
    let result = pull(&client_with(&server, retry, HttpsConfig::default())).await;
    in_time(began, no_answer(result, timeout(TimeoutKind::Deadline)))
}

/// Many short attempts instead of one long one.
async fn deadline_after_attempts() -> Outcome {
    let server = Server::start(|stream, _| holding(stream)).await;
    let retry = RetryConfig::default()
        .with_max_attempts(1000)
        .with_backoff(telemetry_delivery::Backoff::new(
            Duration::ZERO,
            Duration::ZERO,
        ))
        .with_deadline(2 * SOON);
    let https = HttpsConfig::default().with_attempt_timeout(SOON / 3);
    let began = Instant::now();
    let result = pull(&client_with(&server, retry, https)).await;
    let mut ends = vec![timeout(TimeoutKind::Deadline)];
    if began.elapsed() >= 2 * SOON {
        // An attempt of which the machine noticed the end only when everything was over.
        ends.push(timeout(TimeoutKind::Attempt));
    }
    in_time(began, no_answer_of(result, &ends))
}

/// It was the deadline that ended the call: without it, an attempt may take much longer.
fn in_time(began: Instant, outcome: Outcome) -> Outcome {
    let elapsed = began.elapsed();
    // What is beyond the deadline is the machine's.
    if elapsed < HttpsConfig::default().attempt_timeout() / 2 {
        outcome
    } else {
        Err(format!("it took {elapsed:?}: {outcome:?}"))
    }
}

async fn never_reads() -> Outcome {
    let server = Server::start(|stream, _| async move {
        pending::<()>().await;
        drop(stream);
    })
    .await;
    let https = HttpsConfig::default().with_attempt_timeout(SOON);
    let client = client_within(&server, https).logstore("shop", "access");
    // Does not compress, so that it is more than the kernel takes in advance.
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(8 * MIB)
    .collect();
    // Not kept, since what is measured is the memory that the call takes.
    let group = EncodedGroup::from(&LogGroup::new(vec![Log::at(1).with("noise", noise)]));
    let result = client.put(&group).await;
    no_answer(result, timeout(TimeoutKind::Attempt))
}

async fn left_alone() -> Outcome {
    let body = r#"{"errorCode":"ServerBusy","errorMessage":"later"}"#;
    let server = Server::saying(answer("503 Busy", "retry-after: 86400\r\n", body)).await;
    let retry = RetryConfig::default().with_deadline(2 * SOON);
    let began = Instant::now();
    let result = list_shards(&client_with(&server, retry, HttpsConfig::default())).await;
    in_time(began, refused(result, &sls_client::ErrorCode::ServerBusy))
}
