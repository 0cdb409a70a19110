//! The collector of GrowingIO: what it takes, keeps, shows and refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use growingio_codecs::{
    Batch, Codec, Encoded, EventRecord, Json, Protobuf, Snappy, UserMapping, Xor,
};
use http::{Request, Response};
use serde_json::{Value, json};
use sls_local::{CollectedRecord, Fault, LocalServer, LocalServerBuilder, LocalService, QuotaPer};
use support::recorded_at;
use telemetry_delivery::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const WAIT: Duration = Duration::from_secs(20);

fn builder() -> LocalServerBuilder {
    LocalServer::builder().clock(ManualClock::new(recorded_at()))
}

fn event(name: &str) -> EventRecord<'_> {
    EventRecord::custom(name, 1_700_000_000_123)
        .with_anonymous_id("a")
        .with_attribute("amount", 15.5)
        .with_ids("p", "d")
}

fn encoded(codec: &dyn Codec, batch: &Batch<'_>) -> Encoded {
    // At a moment whose key is not 0, with which nothing would be obfuscated.
    let sent = recorded_at() + Duration::from_millis(1);
    codec.encode(batch, sent).unwrap()
}

fn request(encoded: &Encoded) -> Request<Bytes> {
    let mut target = encoded.route.path("p");
    if let Some(query) = encoded.query() {
        target = format!("{target}?{query}");
    }
    let mut request = Request::post(target).header("content-type", encoded.content_type);
    for (name, value) in encoded.headers.clone() {
        request = request.header(name, value);
    }
    request.body(Bytes::from(encoded.body.clone())).unwrap()
}

fn custom(name: &str) -> Request<Bytes> {
    request(&encoded(&Json, &Batch::Events(vec![event(name)])))
}

fn reason(response: &Response<Bytes>) -> String {
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    body["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_codec_is_understood() {
    let service = builder().into_service();
    let events = Batch::Events(vec![event("paid")]);
    let codecs: [&dyn Codec; 5] = [
        &Json,
        &Protobuf,
        &Snappy::new(Json),
        &Xor::new(Snappy::new(Json)),
        &Xor::new(Snappy::new(Protobuf)),
    ];
    for codec in codecs {
        let response = service.handle(request(&encoded(codec, &events))).await;
        assert_eq!(response.status(), 200, "{codec:?}");
        assert!(response.body().is_empty());
        assert!(response.headers().contains_key("date"));
        assert!(!response.headers().contains_key("x-log-requestid"));
    }
    let events = service.growingio().events();
    assert_eq!(events.len(), codecs.len());
    for collected in events {
        assert_eq!(
            (collected.kind(), collected.name()),
            ("CUSTOM", Some("paid"))
        );
        assert_eq!(collected.product_id, "p");
        assert_eq!(collected.received, recorded_at());
        let amount = &collected.event().unwrap().attributes;
        assert_eq!(amount.get("amount").unwrap().to_text().unwrap(), "15.5");
    }
    service.growingio().assert_valid();
    service.growingio().assert_no_repeats();
}

#[tokio::test]
async fn user_mappings_come_as_protobuf_only() {
    let service = builder().into_service();
    let mapping = UserMapping::new(7)
        .with_identity("email", "e")
        .with_ids("p", "d");
    let mapping = Batch::UserMappings(vec![mapping]);
    let response = service.handle(request(&encoded(&Protobuf, &mapping))).await;
    assert_eq!(response.status(), 200);
    let events = service.growingio().events();
    assert!(matches!(events[0].record, CollectedRecord::UserMapping(_)));
    assert_eq!(events[0].kind(), "USER_MAPPING");
    let json = Request::post("/projects/p/collect/user-mapping");
    let json = json.body(Bytes::from("[]")).unwrap();
    let response = service.handle(json).await;
    assert_eq!(response.status(), 400);
    assert_eq!(reason(&response), "JSON has no form for user mappings");
}

#[tokio::test]
async fn what_cannot_be_decoded_is_refused_with_a_reason_and_kept() {
    let service = builder().into_service();
    let body = Bytes::from("[{]");
    for (header, status, want) in [
        (("x-other", "1"), 400, "malformed JSON at byte 2"),
        (("X-Compress-Codec", "2"), 400, "not a snappy block: "),
        (
            ("X-Compress-Codec", "3"),
            415,
            "compression \"3\" is not known",
        ),
        (
            ("X-Crypt-Codec", "9"),
            415,
            "obfuscation \"9\" is not known",
        ),
        (("X-Crypt-Codec", "1"), 400, "the body is obfuscated and"),
        (
            ("Content-Type", "application/x-protobuf"),
            400,
            "malformed protobuf",
        ),
    ] {
        let request = Request::post("/v3/projects/p/collect").header(header.0, header.1);
        let response = service.handle(request.body(body.clone()).unwrap()).await;
        assert_eq!(response.status(), status, "{header:?}");
        assert!(reason(&response).starts_with(want), "{}", reason(&response));
    }
    let collected = service.growingio();
    assert_eq!(
        (collected.requests().len(), collected.events().len()),
        (6, 0)
    );
    assert_eq!(collected.counts().refused, 6);
    assert_eq!(collected.requests()[0].body, body);
}

#[tokio::test]
async fn a_block_that_would_be_too_large_is_refused_before_memory_is_taken() {
    let service = builder().into_service();
    // Announces 4 GiB.
    let block = Bytes::from_static(b"\xff\xff\xff\xff\x0f\x00a");
    let request = Request::post("/v3/projects/p/collect").header("x-compress-codec", "2");
    let response = service.handle(request.body(block).unwrap()).await;
    assert_eq!(response.status(), 413);
    assert!(reason(&response).ends_with("more than the limit of 16777216"));
}

#[tokio::test]
async fn only_posts_are_taken_and_a_start_up_check_is_welcome() {
    let service = builder().into_service();
    let put = Request::put("/v3/projects/p/collect").body(Bytes::new());
    let response = service.handle(put.unwrap()).await;
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    // No host that SLS knows, no signature, no version.
    let check = Request::get("/").header("host", "collector.example.com");
    let response = service.handle(check.body(Bytes::new()).unwrap()).await;
    assert_eq!(
        (response.status().as_u16(), response.body().len()),
        (200, 0)
    );
    let of_sls = Request::get("/").header("host", "p.localhost");
    let of_sls = of_sls.header("x-log-apiversion", "0.6.0");
    let response = service.handle(of_sls.body(Bytes::new()).unwrap()).await;
    let text = std::str::from_utf8(response.body()).unwrap().to_owned();
    assert!(text.contains("MissAccessKeyId"), "{text}");
}

#[tokio::test]
async fn what_the_manual_calls_incomplete_is_a_warning_or_a_refusal() {
    let mut orphan = event("paid");
    orphan.anonymous_id = None;
    let orphan = Batch::Events(vec![event("fine"), orphan]);
    let other = Batch::Events(vec![event("paid").with_ids("q", "d")]);
    let orphan = request(&encoded(&Json, &orphan));
    let other = request(&encoded(&Json, &other));
    let late = Json.encode(
        &Batch::Events(vec![event("paid")]),
        recorded_at() - WAIT * 60,
    );
    let late = request(&late.unwrap());
    let cases = [
        (orphan, 1, "neither anonymous_id nor login_user_id is given"),
        (other, 0, "product id \"q\" is not that of the path, \"p\""),
        (late, 0, "stm is 1200000 ms behind the clock"),
    ];
    let lenient = builder().into_service();
    let strict = builder().growingio_strict(true).into_service();
    for (request, place, want) in cases {
        assert_eq!(lenient.handle(request.clone()).await.status(), 200);
        let kept = lenient.growingio().requests();
        let records = &kept.last().unwrap().records;
        assert_eq!(records[place].warnings, [want]);
        let response = strict.handle(request).await;
        assert_eq!(response.status(), 400);
        assert_eq!(reason(&response), format!("record {place}: {want}"));
    }
    assert_eq!(lenient.growingio().counts().events, 4);
    assert_eq!(strict.growingio().counts().events, 0);
    assert!(strict.growingio().events().is_empty());
}

#[tokio::test]
async fn repetitions_are_seen_and_nothing_is_taken_for_one_that_is_not() {
    let service = builder().into_service();
    for name in ["a", "b", "a"] {
        service.handle(custom(name)).await;
    }
    let repeats: Vec<_> = service
        .growingio()
        .requests()
        .iter()
        .map(|request| request.repeat_of)
        .collect();
    assert_eq!(repeats, [None, None, Some(1)]);
    assert_eq!(service.growingio().counts().repeats, 1);
    assert_eq!(service.growingio().events().len(), 3);
}

#[tokio::test]
async fn the_newest_are_kept_within_the_budget() {
    let service = builder().growingio_budget(64 << 10).into_service();
    for number in 0..500 {
        service.handle(custom(&format!("e{number}"))).await;
    }
    let collected = service.growingio();
    let counts = collected.counts();
    assert_eq!(counts.events, 500);
    assert!(counts.dropped_events > 300, "{counts:?}");
    assert_eq!(collected.events().len() as u64, 500 - counts.dropped_events);
    collected.assert_event("e499");
    collected.clear();
    assert_eq!(collected.counts(), sls_local::GrowingIoCounts::default());
    assert!(collected.requests().is_empty());
}

#[tokio::test]
async fn waiting_ends_with_the_event_and_not_with_a_refused_one() {
    let service = builder().into_service();
    service.fail_next("growingio.events", 503, "ServerBusy");
    let sender = {
        let service = service.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::task::yield_now().await;
                service.handle(custom("paid")).await;
            }
        })
    };
    let events = service.growingio().wait_for_events(1, WAIT).await.unwrap();
    assert_eq!(events.len(), 1);
    let requests = service
        .growingio()
        .wait_for_requests(2, WAIT)
        .await
        .unwrap();
    assert_eq!(requests[0].status, Some(503));
    assert_eq!(
        requests[0].records.len(),
        1,
        "what was refused can be looked at"
    );
    assert_eq!(requests[1].repeat_of, Some(1));
    sender.await.unwrap();
    let error = service.growingio().wait_for_events(9, Duration::ZERO).await;
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "1 of 9 events arrived within 0ns");
}

#[tokio::test]
#[should_panic(expected = r#"no event "paid" was collected, but ["seen"]"#)]
async fn a_missing_event_is_told_with_those_that_there_are() {
    let service = builder().into_service();
    service.handle(custom("seen")).await;
    service.growingio().assert_event("paid");
}

#[tokio::test]
async fn faults_meet_what_is_collected() {
    let service = builder().into_service();
    let refuse = Fault::refuse(429, "Slow").with_retry_after(Duration::from_secs(2));
    service.inject(refuse.on_operation("growingio").on_project("p").times(1));
    let response = service.handle(custom("a")).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "2");
    service.inject(
        Fault::redirect("http://elsewhere/")
            .with_redirect_status(302)
            .times(1),
    );
    let response = service.handle(custom("a")).await;
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "http://elsewhere/");
    service.inject(Fault::request_quota(QuotaPer::Project, 1).on_operation("growingio.events"));
    assert_eq!(service.handle(custom("a")).await.status(), 200);
    assert_eq!(service.handle(custom("a")).await.status(), 429);
    service.clear_faults();
    service.inject(Fault::cut_after().on_operation("growingio.items"));
    assert_eq!(service.handle(custom("a")).await.status(), 200);
    service.inject(Fault::cut_after().on_operation("growingio").times(1));
    service.handle(custom("lost")).await;
    service.inject(Fault::cut_before().on_operation("growingio").times(1));
    service.handle(custom("never")).await;
    let statuses: Vec<_> = service
        .growingio()
        .requests()
        .iter()
        .map(|request| (request.status, request.accepted))
        .collect();
    let want = [429, 302, 200, 429, 200].map(|status| (Some(status), status == 200));
    assert_eq!(statuses[..5], want);
    assert_eq!(statuses[5..], [(None, true), (None, false)]);
    service.growingio().assert_event("lost");
}

async fn exchange(server: &LocalServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

const BODY: &str = r#"{"eventType":"CUSTOM","eventName":"paid","deviceId":"a","dataSourceId":"d","projectKey":"p q"}"#;

fn post(headers: &str) -> String {
    let target = "//gio/v3/projects/p%20q/collect?stm=1700000000123";
    format!("POST {target} HTTP/1.1\r\nhost: collector.example.com\r\n{headers}")
}

fn post_with_length(close: &str) -> String {
    let length = BODY.len();
    post(&format!("{close}content-length: {length}\r\n\r\n{BODY}"))
}

#[tokio::test]
async fn bodies_come_with_a_length_or_in_chunks_on_connections_that_are_counted() {
    let server = builder().start().await.unwrap();
    let two = post_with_length("") + &post_with_length("connection: close\r\n");
    let answer = exchange(&server, two.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answer}");
    assert_eq!(
        answer.matches("content-length: 0\r\n").count(),
        2,
        "{answer}"
    );
    let (one, two) = BODY.split_at(30);
    let chunks = format!("1e\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", two.len());
    let headers = "connection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = exchange(&server, post(&format!("{headers}{chunks}")).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let requests = server.growingio().requests();
    let connections: Vec<_> = requests.iter().map(|request| request.connection).collect();
    assert_eq!(connections, [Some(1), Some(1), Some(2)]);
    for request in &requests {
        assert_eq!(request.product_id, "p q");
        assert!(
            request
                .target
                .starts_with("//gio/v3/projects/p%20q/collect?")
        );
        assert_eq!(request.body, BODY);
    }
    server.growingio().assert_valid();
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_go_on() {
    let server = builder().start().await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let length = BODY.len();
    let head = post(&format!(
        "expect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    ));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(BODY.as_bytes()).await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn too_large_a_body_is_told_in_the_collectors_own_words() {
    let server = builder().start().await.unwrap();
    let request = post("content-length: 1000000000000\r\n\r\n");
    let answer = exchange(&server, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(
        answer.contains(r#"{"reason":"body of 1000000000000 bytes"#),
        "{answer}"
    );
    let mut chunked = post("transfer-encoding: chunked\r\n\r\n").into_bytes();
    let size = 11 << 20;
    chunked.extend(format!("{size:x}\r\n").into_bytes());
    chunked.extend(vec![b' '; size]);
    chunked.extend(b"\r\n0\r\n\r\n");
    let answer = exchange(&server, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(server.growingio().requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn cut_and_slow_answers_are_those_of_the_socket() {
    let server = builder().start().await.unwrap();
    let request = post_with_length("connection: close\r\n");
    let service = server.service();
    service.inject(Fault::cut_after().on_operation("growingio").times(1));
    assert_eq!(exchange(&server, request.as_bytes()).await, "");
    let slow = Duration::from_secs(9);
    service.inject(Fault::delay(slow).on_operation("growingio").times(1));
    let started = tokio::time::Instant::now();
    let answer = exchange(&server, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(started.elapsed() >= slow);
    // Only a refusal has a body that can come slowly.
    service.inject(Fault::drip(1, Duration::from_millis(100)).on_operation("growingio"));
    let started = tokio::time::Instant::now();
    let broken = request.replace("\"eventType\"", "eventType  ");
    let answer = exchange(&server, broken.as_bytes()).await;
    assert!(answer.contains("malformed JSON"), "{answer}");
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(server.growingio().counts().events, 2);
}

async fn local(service: &LocalService, method: &str, target: &str) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(target);
    let request = request.header("host", "127.0.0.1");
    service.handle(request.body(Bytes::new()).unwrap()).await
}

async fn listed(service: &LocalService, target: &str) -> Value {
    let response = local(service, "GET", target).await;
    assert_eq!(response.status(), 200, "{target}");
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin"),
        "a page of another site must not read this"
    );
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn what_was_collected_is_shown_as_json() {
    let service = builder().into_service();
    for name in ["a", "b", "a"] {
        service.handle(custom(name)).await;
    }
    let user = EventRecord::login_user_attributes(1).with_ids("p", "d");
    let user = Batch::Events(vec![user]);
    service.handle(request(&encoded(&Json, &user))).await;

    let events = listed(&service, "/_local/growingio/events").await;
    assert_eq!(
        (&events["total"], &events["next"]),
        (&json!(4), &json!(null))
    );
    let want = json!({
        "request": 1,
        "received_ms": 1_700_000_000_000_i64,
        "project": "p",
        "kind": "CUSTOM",
        "name": "a",
        "record": {
            "eventType": "CUSTOM",
            "timestamp": 1_700_000_000_123_i64,
            "eventName": "a",
            "deviceId": "a",
            "attributes": {"amount": "15.5"},
            "dataSourceId": "d",
            "projectKey": "p",
        },
        "warnings": [],
    });
    assert_eq!(events["events"][0], want);
    for (filter, total) in [
        ("project=p", 4),
        ("project=q", 0),
        ("name=a", 2),
        ("kind=custom&name=b", 1),
        ("kind=LOGIN_USER_ATTRIBUTES", 1),
    ] {
        let found = listed(&service, &format!("/_local/growingio/events?{filter}")).await;
        assert_eq!(found["total"], total, "{filter}");
    }
    let page = listed(&service, "/_local/growingio/events?offset=1&limit=2").await;
    assert_eq!(page["next"], 3);
    assert_eq!(page["events"][0]["name"], "b");

    let requests = listed(&service, "/_local/growingio/requests").await;
    let third = &requests["requests"][2];
    assert_eq!(third["method"], "POST");
    assert_eq!(third["target"], "/v3/projects/p/collect?stm=1700000000001");
    assert_eq!(
        third["headers"][0],
        json!(["content-type", "application/json"])
    );
    assert_eq!(
        (&third["route"], &third["status"]),
        (&json!("events"), &json!(200))
    );
    assert_eq!(
        (&third["repeat_of"], &third["accepted"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        third["body_bytes"],
        service.growingio().requests()[2].body.len()
    );
    assert_eq!(third["records"][0]["name"], "a");

    let counts = listed(&service, "/_local/growingio/counts").await;
    assert_eq!(
        (&counts["events"], &counts["repeats"]),
        (&json!(4), &json!(1))
    );
    local(&service, "DELETE", "/_local/growingio").await;
    assert_eq!(
        listed(&service, "/_local/growingio/counts").await["requests"],
        0
    );
    let answer = local(&service, "GET", "/_local/growingio/events?limit=1001").await;
    assert_eq!(answer.status(), 400);
}
