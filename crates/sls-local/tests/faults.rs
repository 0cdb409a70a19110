//! Faults: refusals, delays, cuts, drips and redirects, for the requests that fit.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use serde_json::json;
use sls_core::Error;
use sls_core::model::{CursorPosition, LogstoreConfig, ShardId};
use sls_core::service::{LogSink as _, ShardReader as _};
use sls_core::wire::{GroupEncoder, GroupMeta};
use sls_local::{Fault, LocalServer, LocalService};
use support::{Draft, LOGSTORE, PROJECT, recorded_at, send, service};
use telemetry_delivery::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn put() -> Draft {
    Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"))
        .body("application/x-protobuf", *b"\x1a\x01t")
}

fn list() -> Draft {
    Draft::new("GET", format!("/logstores/{LOGSTORE}/shards"))
}

/// How many groups were stored.
async fn stored(service: &LocalService) -> u64 {
    let logstore = service.logstore(PROJECT, LOGSTORE);
    let mut ends = Vec::new();
    for from in [CursorPosition::Begin, CursorPosition::End] {
        let cursor = logstore.cursor(ShardId(0), from).await.unwrap();
        ends.push(cursor.position().unwrap());
    }
    ends[1] - ends[0]
}

#[tokio::test]
async fn the_next_request_is_refused_and_the_one_after_is_not() {
    let (service, _) = service(1).await;
    service.fail_next("PutLogs", 403, "ShardWriteQuotaExceed");
    list().send(&service).await.expect_ok();
    let answer = put()
        .send(&service)
        .await
        .expect(403, "ShardWriteQuotaExceed");
    assert_eq!(answer.message(), "refused on request");
    assert_eq!(stored(&service).await, 0);
    put().send(&service).await.expect_ok();
    assert_eq!(stored(&service).await, 1);
}

#[tokio::test]
async fn who_may_not_ask_is_told_so_before_any_fault() {
    let (service, _) = service(1).await;
    let id = service.inject(Fault::refuse(503, "ServerBusy"));
    send(&service, put().unsigned())
        .await
        .expect(400, "MissAccessKeyId");
    put().send(&service).await.expect(503, "ServerBusy");
    assert!(service.remove_fault(id));
    put().send(&service).await.expect_ok();
}

#[tokio::test]
async fn a_redirect_names_the_other_place_and_does_nothing() {
    let (service, _) = service(1).await;
    service.inject(Fault::redirect("http://elsewhere/").times(1));
    let answer = service.handle(put().signed()).await;
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], "http://elsewhere/");
    assert_eq!(stored(&service).await, 0);
}

#[tokio::test]
async fn a_cut_inside_the_process_is_no_answer_and_acts_or_not() {
    let (service, _) = service(1).await;
    let logstore = service.logstore(PROJECT, LOGSTORE);
    let mut group = GroupEncoder::new();
    group.log(1).field("k", "v");
    let group = group.finish(&GroupMeta::default());
    for (fault, want) in [(Fault::cut_before(), 0), (Fault::cut_after(), 1)] {
        service.inject(fault.on_operation("PutLogs").times(1));
        let error = logstore.put_logs(&group).await.unwrap_err();
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
        assert_eq!(stored(&service).await, want);
    }
    service.inject(Fault::cut_after().on_operation("PutLogs").times(1));
    put().send(&service).await.expect(503, "ServerBusy");
}

#[tokio::test(start_paused = true)]
async fn a_delayed_answer_comes_so_much_later() {
    let (service, _) = service(1).await;
    service.inject(Fault::delay(Duration::from_secs(7)).times(1));
    let started = tokio::time::Instant::now();
    put().send(&service).await.expect_ok();
    assert!(started.elapsed() >= Duration::from_secs(7));
    assert_eq!(stored(&service).await, 1);
}

async fn server() -> LocalServer {
    let builder = support::builder(&ManualClock::new(recorded_at())).no_auth(true);
    let server = builder.start().await.unwrap();
    let service = server.service();
    service.create_project(PROJECT).await.unwrap();
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    service.create_logstore(PROJECT, config).await.unwrap();
    server
}

async fn exchange(server: &LocalServer, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: {PROJECT}.localhost\r\nx-log-apiversion: 0.6.0\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_cut_connection_ends_without_an_answer() {
    let server = server().await;
    server.service().inject(Fault::cut_after().times(1));
    assert_eq!(exchange(&server, "GET /logstores", "").await, "");
    assert!(
        exchange(&server, "GET /logstores", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test(start_paused = true)]
async fn a_dripping_answer_is_whole_and_slow() {
    let server = server().await;
    let fault = Fault::drip(10, Duration::from_secs(1)).times(1);
    server.service().inject(fault);
    let started = tokio::time::Instant::now();
    let answer = exchange(&server, "GET /logstores", "").await;
    assert!(
        answer.ends_with(r#"{"count":1,"total":1,"logstores":["golden-store"]}"#),
        "{answer}"
    );
    assert!(started.elapsed() >= Duration::from_secs(4));
}

#[tokio::test]
async fn faults_and_clock_are_set_over_http_from_this_machine() {
    let server = server().await;
    let fault = json!({"effect": "refuse", "status": 403, "code": "ReadQuotaExceed", "times": 2});
    let answer = exchange(&server, "POST /_local/faults", &fault.to_string()).await;
    assert!(answer.ends_with(r#"{"id":1}"#), "{answer}");
    let answer = exchange(&server, "GET /logstores", "").await;
    assert!(answer.contains("ReadQuotaExceed"), "{answer}");
    let answer = exchange(&server, "GET /_local/faults", "").await;
    assert!(
        answer.contains(r#""id":1"#) && answer.contains(r#""times":1"#),
        "{answer}"
    );
    let answer = exchange(&server, "DELETE /_local/faults?id=1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = exchange(&server, "DELETE /_local/faults?id=1", "").await;
    assert!(answer.contains("FaultNotExist"), "{answer}");
    let answer = exchange(&server, "POST /_local/faults", r#"{"effect": "explode"}"#).await;
    assert!(answer.contains("ParameterInvalid"), "{answer}");
    let answer = exchange(
        &server,
        "POST /_local/faults",
        r#"{"effect": "delay", "delay_ms": 1, "opertion": "PutLogs"}"#,
    )
    .await;
    assert!(answer.contains("ParameterInvalid"), "{answer}");
    let answer = exchange(&server, "POST /_local/clock", r#"{"advance_ms": 60000}"#).await;
    assert!(answer.contains("x-log-time: 1700000000"), "{answer}");
    let answer = exchange(&server, "GET /logstores", "").await;
    assert!(answer.contains("x-log-time: 1700000060"), "{answer}");
    let answer = exchange(&server, "GET /_local/nothing", "").await;
    assert!(answer.contains("InvalidMethod"), "{answer}");
}

#[tokio::test]
async fn a_page_cannot_set_faults_without_asking_first() {
    let (service, _) = service(1).await;
    let fault = json!({"effect": "cut_before"}).to_string();
    let draft = Draft::new("POST", "/_local/faults").body("text/plain", fault);
    send(&service, draft.unsigned())
        .await
        .expect(415, "InvalidContentType");
}

#[tokio::test]
async fn a_fault_for_an_operation_that_does_not_exist_is_refused() {
    let (service, _) = service(1).await;
    for name in ["PutLog", "putlogs", "growingio.event", ""] {
        let fault = json!({"effect": "cut_before", "operation": name});
        let answer = Draft::new("POST", "/_local/faults").json(fault);
        let answer = answer.send(&service).await.expect(400, "ParameterInvalid");
        assert!(answer.message().contains(&format!("{name:?}")));
    }
    for name in ["PutLogs", "HeartBeat", "growingio", "growingio.items"] {
        let fault = json!({"effect": "cut_before", "operation": name, "times": 0});
        let answer = Draft::new("POST", "/_local/faults").json(fault);
        answer.send(&service).await.expect_ok();
    }
}

#[tokio::test]
#[should_panic(expected = "no operation has the name \"PutLog\"")]
async fn a_misspelt_fault_fails_the_test_that_asks_for_it() {
    let (service, _) = service(1).await;
    service.fail_next("PutLog", 500, "InternalServerError");
}
