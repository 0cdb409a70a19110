//! What the client does when the service refuses, stalls or answers nonsense.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE};
use http::{Response, StatusCode};
use sls_client::{Client, Credentials, Error, ErrorCode, StaticCredentials};
use sls_core::CredentialsProvider;
use sls_core::credentials::{CredentialsError, CredentialsFuture, FnCredentials};
use sls_core::model::{ConsumerName, Cursor, ShardId};
use sls_core::service::{CheckpointStore, GroupCoordinator, SaveCheckpoint};
use telemetry_delivery::{
    ManualClock, Reply, RetryBudget, RetryConfig, ScriptedTransport, TransportError,
    TransportErrorKind,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn answer(status: u16, body: &str, date: SystemTime) -> Reply {
    let mut response = Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let date = httpdate::fmt_http_date(date).parse().unwrap();
    response.headers_mut().insert(DATE, date);
    Reply::response(response)
}

fn refusal(status: u16, code: &str, date: SystemTime) -> Reply {
    let body = format!(r#"{{"errorCode":"{code}","errorMessage":"no"}}"#);
    answer(status, &body, date)
}

fn client(transport: &ScriptedTransport, credentials: impl CredentialsProvider) -> Client {
    Client::builder("127.0.0.1".parse().unwrap(), credentials)
        .with_clock(ManualClock::new(now()))
        .build_with(transport.clone())
        .unwrap()
}

fn fixed() -> StaticCredentials {
    StaticCredentials::new(Credentials::new("id", "secret"))
}

async fn list(client: &Client) -> Result<usize, Error> {
    client.logstore("p", "l").shards().await.map(|s| s.len())
}

fn dates(transport: &ScriptedTransport) -> Vec<String> {
    let requests = transport.requests();
    let date =
        |request: &http::Request<Bytes>| request.headers()[DATE].to_str().unwrap().to_owned();
    requests.iter().map(date).collect()
}

#[tokio::test(start_paused = true)]
async fn a_refused_time_costs_one_more_request_and_is_remembered() {
    let service = now() + Duration::from_secs(20 * 60);
    let transport = ScriptedTransport::new([
        refusal(400, "RequestTimeExpired", service),
        answer(200, "[]", service),
        answer(200, "[]", service),
    ]);
    let client = client(&transport, fixed());
    assert_eq!(list(&client).await.unwrap(), 0);
    assert_eq!(list(&client).await.unwrap(), 0);
    let [local, service] = [now(), service].map(httpdate::fmt_http_date);
    assert_eq!(dates(&transport), [local, service.clone(), service]);
}

#[tokio::test(start_paused = true)]
async fn a_corrected_time_is_unlearned_when_the_clock_is_right_again() {
    let clock = ManualClock::new(now() - Duration::from_secs(3600));
    let transport = ScriptedTransport::new([
        refusal(400, "RequestTimeTooSkewed", now()),
        answer(200, "[]", now()),
        answer(200, "[]", now()),
        answer(200, "[]", now()),
    ]);
    let client = Client::builder("127.0.0.1".parse().unwrap(), fixed())
        .with_clock(clock.clone())
        .build_with(transport.clone())
        .unwrap();
    list(&client).await.unwrap();
    clock.set(now());
    // Signed an hour ahead, since nothing has told the client yet; the answer does.
    list(&client).await.unwrap();
    list(&client).await.unwrap();
    assert_eq!(dates(&transport)[3], httpdate::fmt_http_date(now()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_time_is_named_when_it_must_not_be_corrected() {
    let service = now() + Duration::from_secs(20 * 60);
    let transport = ScriptedTransport::new([refusal(400, "RequestTimeExpired", service)]);
    let client = Client::builder("127.0.0.1".parse().unwrap(), fixed())
        .with_clock(ManualClock::new(now()))
        .with_clock_correction(false)
        .build_with(transport.clone())
        .unwrap();
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::RequestTimeExpired));
}

#[tokio::test(start_paused = true)]
async fn a_time_refused_without_reason_is_not_tried_for_ever() {
    let transport = ScriptedTransport::new([refusal(400, "RequestTimeExpired", now())]);
    let error = list(&client(&transport, fixed())).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::RequestTimeExpired));
    assert_eq!(transport.requests().len(), 1);
}

/// Gives other credentials once the first were refused.
#[derive(Debug, Default)]
struct Renewable {
    refused: AtomicBool,
}

impl CredentialsProvider for Renewable {
    fn credentials(&self) -> CredentialsFuture<'_> {
        let id = if self.refused.load(Ordering::SeqCst) {
            "new"
        } else {
            "old"
        };
        Box::pin(std::future::ready(Ok(Credentials::new(id, "secret"))))
    }

    fn refused(&self, _: &Credentials) {
        self.refused.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_renewed_once() {
    let transport = ScriptedTransport::new([
        refusal(401, "SecurityTokenExpired", now()),
        answer(200, "[]", now()),
    ]);
    let provider = Arc::new(Renewable::default());
    list(&client(&transport, provider)).await.unwrap();
    let ids: Vec<bool> = transport
        .requests()
        .iter()
        .map(|request| {
            request.headers()[AUTHORIZATION]
                .to_str()
                .unwrap()
                .starts_with("LOG new:")
        })
        .collect();
    assert_eq!(ids, [false, true]);
}

/// Gives another key every time.
#[derive(Debug, Default)]
struct Minting {
    made: std::sync::atomic::AtomicU32,
}

impl CredentialsProvider for Minting {
    fn credentials(&self) -> CredentialsFuture<'_> {
        let nth = self.made.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(Credentials::new(
            format!("id-{nth}"),
            "secret",
        ))))
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_key_may_do_is_tried_with_one_other_key_only() {
    let denied = || refusal(401, "Unauthorized", now());
    let transport = ScriptedTransport::new([denied(), denied(), denied()]);
    let error = list(&client(&transport, Minting::default()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::Unauthorized));
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_leads_elsewhere_is_not_sent() {
    let transport = ScriptedTransport::new([]);
    let client = client(&transport, fixed());
    for name in [
        "",
        ".",
        "..",
        "a/../b",
        "a/b",
        "orders/shards/0",
        "a/",
        "/a",
    ] {
        let error = client.logstore("p", name).delete().await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
        let group = client.logstore("p", "orders").consumer_group(name);
        let error = group.delete().await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
        let error = client.project(name).delete().await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
    }
    assert!(transport.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn credentials_that_stay_the_same_are_refused_for_good() {
    let transport = ScriptedTransport::new([refusal(401, "Unauthorized", now())]);
    let error = list(&client(&transport, fixed())).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::Unauthorized));
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_without_credentials() {
    let transport = ScriptedTransport::new([]);
    let provider = FnCredentials::new(|| async {
        let cause = "sealed".into();
        Err(CredentialsError::Unavailable {
            provider: "the vault",
            cause,
        })
    });
    let error = list(&client(&transport, provider)).await.unwrap_err();
    assert!(matches!(error, Error::NotSigned { .. }), "{error}");
    assert!(!error.is_retryable());
    assert!(transport.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_quota_refusal_is_tried_again_after_a_pause() {
    let transport = ScriptedTransport::new([
        refusal(403, "ReadQuotaExceed", now()),
        answer(200, "[]", now()),
    ]);
    let began = tokio::time::Instant::now();
    list(&client(&transport, fixed())).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_refusal_is_tried_once() {
    for (status, code) in [
        (404, "LogStoreNotExist"),
        (400, "ParameterInvalid"),
        (409, "New"),
    ] {
        let transport = ScriptedTransport::new([refusal(status, code, now())]);
        let error = list(&client(&transport, fixed())).await.unwrap_err();
        assert_eq!(error.code(), Some(&ErrorCode::parse(code)));
        assert_eq!(transport.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_service_is_tried_four_times_and_its_last_word_is_the_error() {
    let busy = || refusal(503, "ServerBusy", now());
    let transport = ScriptedTransport::new([busy(), busy(), busy(), busy(), busy()]);
    let error = list(&client(&transport, fixed())).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::ServerBusy));
    assert_eq!(transport.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_given_up_at_the_deadline() {
    let transport = ScriptedTransport::new([Reply::never()]);
    let error = list(&client(&transport, fixed())).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NoAnswer {
                may_have_acted: true,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(transport.abandoned(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_project_that_is_no_host_name_is_refused_before_anything_is_sent() {
    let transport = ScriptedTransport::new([]);
    let client = client(&transport, fixed());
    for project in ["", "a.b", "evil.example/", "a b", "日志"] {
        let error = client.logstore(project, "l").shards().await.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_error_shows_the_key_the_token_or_the_signature() {
    let token = Credentials::new("id", "hush-secret").with_security_token("hush-token");
    let transport = ScriptedTransport::new([
        refusal(401, "SignatureNotMatch", now()),
        answer(502, "<html>hush-body</html>", now()),
        answer(200, "hush-body", now()),
    ]);
    let client = client(&transport, StaticCredentials::new(token));
    for _ in 0..2 {
        let error = list(&client).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
    assert!(!format!("{client:?}").contains("hush"));
    let request = &transport.requests()[0];
    assert!(!format!("{request:?}").contains("hush"));
}

#[tokio::test(start_paused = true)]
async fn an_untrusted_certificate_is_not_tried_again() {
    let untrusted = TransportError::new(TransportErrorKind::Tls, "untrusted");
    let transport = ScriptedTransport::new([Reply::error(untrusted)]);
    let error = list(&client(&transport, fixed())).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(transport.requests().len(), 1);
}

/// What is said twice may arrive twice, the second time after something newer.
#[tokio::test(start_paused = true)]
async fn in_its_roles_a_heartbeat_or_a_checkpoint_that_may_have_arrived_is_not_repeated() {
    let lost = || Reply::error(TransportError::new(TransportErrorKind::Closed, "lost"));
    let unreachable = || Reply::error(TransportError::new(TransportErrorKind::Connect, "no way"));
    let busy = || refusal(503, "ServerBusy", now());
    for (replies, want) in [
        (vec![lost()], 1),
        (vec![busy()], 1),
        (vec![unreachable(), lost()], 2),
    ] {
        let consumer = ConsumerName::from("c");
        let transport = ScriptedTransport::new(replies.clone());
        let logstore = client(&transport, fixed()).logstore("p", "l");
        let beat = GroupCoordinator::heartbeat(&logstore, "g", &consumer, &[ShardId(1)]);
        beat.await.unwrap_err();
        assert_eq!(transport.requests().len(), want, "heartbeat: {replies:?}");

        let transport = ScriptedTransport::new(replies.clone());
        let logstore = client(&transport, fixed()).logstore("p", "l");
        let save = SaveCheckpoint {
            group: "g",
            shard: ShardId(1),
            cursor: &Cursor::at_position(7),
            consumer: &consumer,
            only_while_held: true,
        };
        CheckpointStore::save(&logstore, save).await.unwrap_err();
        assert_eq!(transport.requests().len(), want, "checkpoint: {replies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_used_up_budget_stops_retries_of_all_clones() {
    let budget = RetryBudget::default().with_capacity(10).with_retry_cost(5);
    let busy = || refusal(503, "ServerBusy", now());
    let transport = ScriptedTransport::new((0..20).map(|_| busy()));
    let client = Client::builder("127.0.0.1".parse().unwrap(), fixed())
        .with_clock(ManualClock::new(now()))
        .with_retry(RetryConfig::default().with_budget(budget))
        .build_with(transport.clone())
        .unwrap();
    let again = client.clone();
    for client in [&client, &again, &client] {
        list(client).await.unwrap_err();
    }
    // Ten tokens pay for two retries; the other attempts are the first of each call.
    assert_eq!(transport.requests().len(), 3 + 2);
}
