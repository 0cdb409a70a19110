use std::sync::atomic::{AtomicU32, Ordering};

use tower::ServiceExt;

use super::*;
use crate::transport::{Reply, ScriptedTransport};

const SECOND: Duration = Duration::from_secs(1);

/// Retries 503, honours a 429 that wants five seconds, and retries transient errors.
fn classify(outcome: Outcome<'_>) -> Verdict {
    match outcome {
        Ok(answer) if answer.status() == 503 => Verdict::Again,
        Ok(answer) if answer.status() == 429 => Verdict::After(5 * SECOND),
        Ok(answer) if answer.status() == 403 => Verdict::NotBefore(4 * SECOND),
        Err(error) if error.is_transient() => Verdict::Again,
        _ => Verdict::Done,
    }
}

fn retry(config: RetryConfig, transport: &ScriptedTransport) -> Retry<ScriptedTransport> {
    RetryLayer::new(config, classify)
        .unwrap()
        .layer(transport.clone())
}

fn status(status: u16) -> Reply {
    Reply::status(StatusCode::from_u16(status).unwrap())
}

fn refused() -> Reply {
    let message = "cannot connect to 127.0.0.1:9";
    Reply::error(TransportError::new(TransportErrorKind::Connect, message))
}

fn failed(kind: TransportErrorKind) -> Reply {
    Reply::error(TransportError::new(kind, "failed"))
}

async fn send_to(retry: &Retry<ScriptedTransport>) -> Result<Response<Bytes>, TransportError> {
    let request = Request::post("http://example.test/logs")
        .header("x-kept", "yes")
        .body(Bytes::from_static(b"body"))
        .unwrap();
    retry.clone().oneshot(request).await
}

fn attempts(answer: &Response<Bytes>) -> u32 {
    answer.extensions().get::<Attempts>().unwrap().0
}

/// Runs one request against `replies` with the defaults and compares how often it was sent.
async fn check(replies: impl IntoIterator<Item = Reply>, want_attempts: u32) {
    let transport = ScriptedTransport::new(replies);
    let outcome = send_to(&retry(RetryConfig::default(), &transport)).await;
    let told = match &outcome {
        Ok(answer) => attempts(answer),
        Err(error) => error.attempts(),
    };
    assert_eq!(told, want_attempts, "attempts told: {outcome:?}");
    assert_eq!(
        transport.requests().len(),
        want_attempts as usize,
        "requests sent: {outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_verdict_decides_how_often_is_tried() {
    check([status(200)], 1).await;
    check([status(404)], 1).await;
    check([failed(TransportErrorKind::InvalidRequest)], 1).await;
    check([failed(TransportErrorKind::Tls)], 1).await;
    check([status(503), status(200)], 2).await;
    check([status(429), status(200)], 2).await;
    check([refused(), status(503), status(404)], 3).await;
    check([status(503), failed(TransportErrorKind::Tls)], 2).await;
    check([refused(), refused(), refused(), refused()], 4).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_returned_when_attempts_run_out() {
    let transport = ScriptedTransport::new([503, 503, 503, 503, 200].map(status));
    let answer = send_to(&retry(RetryConfig::default(), &transport))
        .await
        .unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(attempts(&answer), 4);
    assert_eq!(transport.replies_left(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_returned_when_attempts_run_out() {
    let transport = ScriptedTransport::new([status(503), status(503), status(503), refused()]);
    let error = send_to(&retry(RetryConfig::default(), &transport))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot connect to 127.0.0.1:9 (4 attempts)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_repeated_is_sent_again_only_if_nothing_of_it_was_sent() {
    for (replies, want) in [
        (vec![failed(TransportErrorKind::Closed), status(200)], 1),
        (vec![status(503), status(200)], 1),
        (vec![status(429), status(200)], 1),
        (vec![refused(), refused(), status(200)], 3),
        (vec![refused(), status(503), status(200)], 2),
    ] {
        let transport = ScriptedTransport::new(replies);
        let mut request = Request::default();
        request.extensions_mut().insert(Once);
        let retry = retry(RetryConfig::default(), &transport);
        // What it ends with is what the last attempt brought.
        let outcome = retry.oneshot(request).await;
        assert_eq!(transport.requests().len(), want, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_remembers_that_an_earlier_attempt_may_have_been_sent() {
    let config = RetryConfig::default().with_max_attempts(2);
    for (first, want) in [
        (failed(TransportErrorKind::Closed), true),
        (status(503), true),
        (refused(), false),
    ] {
        let transport = ScriptedTransport::new([first, refused()]);
        let error = send_to(&retry(config.clone(), &transport))
            .await
            .unwrap_err();
        assert_eq!(error.may_have_been_sent(), want);
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_sends_the_whole_request() {
    let transport = ScriptedTransport::new([status(503), refused(), status(200)]);
    send_to(&retry(RetryConfig::default(), &transport))
        .await
        .unwrap();
    for (request, number) in transport.requests().into_iter().zip(1..) {
        assert_eq!(request.extensions().get(), Some(&Attempt(number)));
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "http://example.test/logs");
        assert_eq!(request.headers()["x-kept"], "yes");
        assert_eq!(request.body(), "body");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_an_attempt_in_flight() {
    let transport = ScriptedTransport::new([refused(), Reply::never()]);
    let began = Instant::now();
    let error = send_to(&retry(RetryConfig::default(), &transport))
        .await
        .unwrap_err();
    assert_eq!(began.elapsed(), 90 * SECOND);
    assert_eq!(
        error.kind(),
        TransportErrorKind::Timeout(TimeoutKind::Deadline)
    );
    assert_eq!(
        error.to_string(),
        "no answer within the deadline of 90s (2 attempts)"
    );
    let before = error.source().unwrap().to_string();
    assert_eq!(before, "cannot connect to 127.0.0.1:9");
    assert!(error.may_have_been_sent());
    assert_eq!(transport.abandoned(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cut_attempt_tells_the_answer_before_it() {
    let transport = ScriptedTransport::new([status(503), Reply::never()]);
    let error = send_to(&retry(RetryConfig::default(), &transport))
        .await
        .unwrap_err();
    let before = error.source().unwrap().to_string();
    assert_eq!(before, "answered with http 503");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_waiting_for_readiness() {
    #[derive(Clone)]
    struct NeverReady;

    impl Service<Request<Bytes>> for NeverReady {
        type Response = Response<Bytes>;
        type Error = TransportError;
        type Future = ResponseFuture;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            Poll::Pending
        }

        fn call(&mut self, _: Request<Bytes>) -> ResponseFuture {
            unreachable!("it is never ready")
        }
    }

    let layer = RetryLayer::new(RetryConfig::default(), classify).unwrap();
    let error = layer
        .layer(NeverReady)
        .call(Request::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        TransportErrorKind::Timeout(TimeoutKind::Deadline)
    );
}

#[tokio::test(start_paused = true)]
async fn a_wanted_wait_is_honoured_exactly() {
    let transport = ScriptedTransport::new([status(429), status(200)]);
    let began = Instant::now();
    send_to(&retry(RetryConfig::default(), &transport))
        .await
        .unwrap();
    assert_eq!(began.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_asked_to_wait_as_long_come_back_apart() {
    let mut waits = Vec::new();
    for _ in 0..50 {
        let transport = ScriptedTransport::new([status(403), status(200)]);
        let began = Instant::now();
        send_to(&retry(RetryConfig::default(), &transport))
            .await
            .unwrap();
        waits.push(began.elapsed());
    }
    // The timer rounds each wait up to its next millisecond.
    let longest = 5 * SECOND + Duration::from_millis(1);
    assert!(
        waits
            .iter()
            .all(|wait| (4 * SECOND..=longest).contains(wait)),
        "{waits:?}"
    );
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 10, "{waits:?}");

    let config = RetryConfig::default().with_max_retry_after(2 * SECOND);
    let transport = ScriptedTransport::new([status(403), status(200)]);
    let began = Instant::now();
    send_to(&retry(config, &transport)).await.unwrap();
    assert_eq!(began.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_wanted_wait_is_cut_down_to_the_longest_allowed() {
    let config = RetryConfig::default().with_max_retry_after(2 * SECOND);
    let transport = ScriptedTransport::new([status(429), status(200)]);
    let began = Instant::now();
    send_to(&retry(config, &transport)).await.unwrap();
    assert_eq!(began.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_wanted_wait_that_does_not_fit_gives_up_at_once() {
    let config = RetryConfig::default().with_deadline(5 * SECOND);
    let transport = ScriptedTransport::new([status(429), status(200)]);
    let began = Instant::now();
    let answer = send_to(&retry(config.clone(), &transport)).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(attempts(&answer), 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(
        config.budget().available(),
        Some(500),
        "a retry that was not made costs nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn waits_stay_within_the_backoff() {
    let backoff = Backoff::new(SECOND, 2 * SECOND);
    let config = RetryConfig::default().with_backoff(backoff);
    for _ in 0..50 {
        let transport = ScriptedTransport::new([503, 503, 503, 503].map(status));
        let began = Instant::now();
        send_to(&retry(config.clone(), &transport)).await.unwrap();
        // The timer rounds each wait up to its next millisecond.
        assert!(began.elapsed() <= 5 * SECOND + Duration::from_millis(3));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_stops_retrying_and_recovers() {
    // Two retries' worth.
    let config = RetryConfig::default().with_budget(RetryBudget::default().with_capacity(10));
    let transport = ScriptedTransport::new([503, 503, 503].map(status));
    let retry = retry(config.clone(), &transport);

    let answer = send_to(&retry).await.unwrap();
    assert_eq!(attempts(&answer), 3, "the budget ends before the attempts");
    assert_eq!(config.budget().available(), Some(0));

    transport.push(status(503));
    let answer = send_to(&retry).await.unwrap();
    assert_eq!(attempts(&answer), 1, "nothing is left for a second attempt");

    for _ in 0..5 {
        transport.push(status(200));
        send_to(&retry).await.unwrap();
    }
    transport.push(status(503));
    transport.push(status(200));
    let answer = send_to(&retry).await.unwrap();
    assert_eq!(attempts(&answer), 2, "five successes pay for one retry");
    assert_eq!(
        config.budget().available(),
        Some(5),
        "a retry that succeeds is given back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_timeout_costs_more() {
    let timed_out = TransportErrorKind::Timeout(TimeoutKind::Attempt);
    let config = RetryConfig::default().with_max_attempts(2);
    for (first, want_left) in [(status(503), 495), (failed(timed_out), 490)] {
        let config = config.clone().with_budget(RetryBudget::default());
        let transport = ScriptedTransport::new([first, status(503)]);
        send_to(&retry(config.clone(), &transport)).await.unwrap();
        assert_eq!(config.budget().available(), Some(want_left));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_final_earns_nothing() {
    let config = RetryConfig::default();
    config.budget().withdraw(false);
    let transport = ScriptedTransport::new([failed(TransportErrorKind::Tls)]);
    send_to(&retry(config.clone(), &transport))
        .await
        .unwrap_err();
    assert_eq!(config.budget().available(), Some(495));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_ends_the_attempt_in_flight() {
    let transport = ScriptedTransport::new([Reply::never(), status(200)]);
    let retry = retry(RetryConfig::default(), &transport);
    let cancelled = timeout(SECOND, send_to(&retry)).await;
    assert!(cancelled.is_err());
    assert_eq!(transport.abandoned(), 1);
    sleep(1000 * SECOND).await;
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_during_a_wait_makes_no_other_attempt() {
    let transport = ScriptedTransport::new([status(429), status(200)]);
    let retry = retry(RetryConfig::default(), &transport);
    let cancelled = timeout(SECOND, send_to(&retry)).await;
    assert!(cancelled.is_err());
    sleep(1000 * SECOND).await;
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_sits_inside_runs_for_every_attempt() {
    let transport = ScriptedTransport::new([status(503), status(503), status(200)]);
    let signed = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&signed);
    let signing = tower::service_fn(move |mut request: Request<Bytes>| {
        let nth = counter.fetch_add(1, Ordering::Relaxed);
        request.headers_mut().insert("x-signed", nth.into());
        transport.clone().oneshot(request)
    });
    let layer = RetryLayer::new(RetryConfig::default(), classify).unwrap();
    let answer = layer
        .layer(signing)
        .oneshot(Request::default())
        .await
        .unwrap();
    assert_eq!(attempts(&answer), 3);
    assert_eq!(signed.load(Ordering::Relaxed), 3);
}

#[test]
fn a_config_that_allows_nothing_is_refused_by_name() {
    let check = |config: RetryConfig, want: &str| {
        let error = RetryLayer::new(config, classify).unwrap_err();
        assert_eq!(error.to_string(), want);
    };
    let config = RetryConfig::default;
    check(
        config().with_max_attempts(0),
        "max_attempts must be at least one",
    );
    check(
        config().with_deadline(Duration::ZERO),
        "deadline must be longer than zero",
    );
}

#[tokio::test(start_paused = true)]
async fn a_deadline_without_end_is_allowed() {
    let config = RetryConfig::default().with_deadline(Duration::MAX);
    let transport = ScriptedTransport::new([status(503), status(200)]);
    let answer = send_to(&retry(config, &transport)).await.unwrap();
    assert_eq!(answer.status(), 200);
}
