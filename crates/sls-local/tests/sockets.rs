//! Over a real socket: limits, slow and broken clients, an orderly end.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use sls_local::{LocalServer, LocalServerBuilder};
use support::{Draft, LOGSTORE, PROJECT, key, recorded_at};
use telemetry_delivery::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn builder() -> LocalServerBuilder {
    support::builder(&ManualClock::new(recorded_at()))
}

async fn start(builder: LocalServerBuilder) -> LocalServer {
    let server = builder.start().await.unwrap();
    let service = server.service();
    service.create_project(PROJECT).await.unwrap();
    let config = sls_core::model::LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    service.create_logstore(PROJECT, config).await.unwrap();
    server
}

/// The bytes of a signed request; `close` asks the server to hang up afterwards.
fn bytes(draft: &Draft, close: bool) -> Vec<u8> {
    let request = draft.signed();
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    if close {
        text.extend_from_slice(b"connection: close\r\n");
    }
    text.extend_from_slice(format!("content-length: {}\r\n\r\n", draft.body.len()).as_bytes());
    text.extend_from_slice(&draft.body);
    text
}

fn list() -> Draft {
    Draft::new("GET", "/logstores")
}

fn put() -> Draft {
    Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"))
        .body("application/x-protobuf", *b"\x1a\x01t")
}

/// Everything the server says until it hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

async fn exchange(server: &LocalServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    rest(&mut stream).await
}

async fn is_alive(server: &LocalServer) {
    let answer = exchange(server, &bytes(&list(), true)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(LOGSTORE), "{answer}");
}

#[tokio::test]
async fn a_put_is_answered_with_an_empty_200() {
    let server = start(builder()).await;
    let answer = exchange(&server, &bytes(&put(), true)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-log-requestid: "), "{answer}");
    assert!(answer.contains("\r\ncontent-length: 0\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let server = start(builder()).await;
    let mut requests = bytes(&put(), false).repeat(3);
    requests.extend(bytes(&list(), true));
    let answers = exchange(&server, &requests).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
}

#[tokio::test]
async fn an_absolute_target_takes_the_project_from_the_host() {
    let server = start(builder()).await;
    let plain = String::from_utf8(bytes(&list(), true)).unwrap();
    let target = "GET http://other.localhost:80/logstores HTTP";
    let absolute = plain.replacen("GET /logstores HTTP", target, 1);
    let answer = exchange(&server, absolute.as_bytes()).await;
    assert!(answer.contains(LOGSTORE), "{answer}");
}

#[tokio::test]
async fn garbage_does_not_take_the_server_down() {
    let server = start(builder()).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\x00\x00\x00\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a.localhost\r\ncontent-length: x\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nhost: a.localhost\r\nconnection: close\r\n\r\n",
        b"GET /?a=%ff HTTP/1.1\r\nhost: a.localhost\r\nconnection: close\r\n\r\n",
        b"GET /../../etc HTTP/1.1\r\nhost: a.localhost\r\nconnection: close\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        is_alive(&server).await;
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = start(builder()).await;
    let mut head = b"GET / HTTP/1.1\r\nhost: a.localhost\r\n".to_vec();
    for number in 0..200 {
        head.extend(format!("x-{number}: y\r\n").into_bytes());
    }
    head.extend(b"\r\n");
    let answer = exchange(&server, &head).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(200_000));
    let answer = exchange(&server, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    is_alive(&server).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_read_and_refused() {
    let server = start(builder()).await;
    let large = put().body("application/x-protobuf", vec![0; 11 << 20]);
    let answer = exchange(&server, &bytes(&large, true)).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("PostBodyTooLarge"), "{answer}");
    assert!(answer.contains("x-log-requestid: "), "{answer}");
}

#[tokio::test]
async fn a_body_far_over_the_limit_is_refused_before_it_is_read() {
    let server = start(builder()).await;
    let head = "POST /logstores/golden-store/shards/lb HTTP/1.1\r\n\
                host: golden-project.localhost\r\ncontent-length: 1000000000000\r\n\r\n";
    let answer = exchange(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("PostBodyTooLarge"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_refused_for_want_of_a_length() {
    let server = start(builder()).await;
    let chunked = "POST /logstores/golden-store/shards/lb HTTP/1.1\r\n\
                   host: golden-project.localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = exchange(&server, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 411"), "{answer}");
    assert!(answer.contains("MissingContentLength"), "{answer}");
}

/// Real sockets under a clock that jumps ahead whenever nobody has anything to do: the
/// timeouts below take no time.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_with_its_head_is_cut_off() {
    let server = start(builder().head_timeout(Duration::from_secs(5))).await;
    let started = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a.lo")
        .await
        .unwrap();
    let answer = rest(&mut stream).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_with_its_body_is_told_and_cut_off() {
    let server = start(builder().body_timeout(Duration::from_secs(5))).await;
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let request = bytes(&put(), false);
    stream
        .write_all(&request[..request.len() - 1])
        .await
        .unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.contains("RequestTimeout"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn bodies_in_memory_are_limited_for_all_connections_together() {
    let server = start(builder().body_timeout(Duration::from_secs(5))).await;
    let head = "POST /logstores/golden-store/shards/lb HTTP/1.1\r\n\
                host: golden-project.localhost\r\ncontent-length: 10485760\r\n\r\n";
    let mut streams = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let mut codes = (0, 0);
    for mut stream in streams {
        let answer = rest(&mut stream).await;
        codes.0 += usize::from(answer.contains("RequestTimeout"));
        codes.1 += usize::from(answer.contains("ServerBusy"));
    }
    assert_eq!(codes.0 + codes.1, 30, "{codes:?}");
    is_alive(&server).await;
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_for_its_turn() {
    let server = start(builder().max_connections(1)).await;
    let mut first = TcpStream::connect(server.addr()).await.unwrap();
    first.write_all(&bytes(&list(), false)).await.unwrap();
    let mut answer = [0; 15];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut second = TcpStream::connect(server.addr()).await.unwrap();
    second.write_all(&bytes(&list(), true)).await.unwrap();
    let mut byte = [0];
    let too_early = tokio::time::timeout(Duration::from_millis(50), second.read(&mut byte));
    assert!(
        too_early.await.is_err(),
        "the second was served beside the first"
    );
    drop(first);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn shutdown_finishes_the_request_in_flight_and_closes_the_port() {
    let server = start(builder()).await;
    let addr = server.addr();
    let request = bytes(&put(), false);
    let mut busy = TcpStream::connect(addr).await.unwrap();
    busy.write_all(&request[..request.len() - 1]).await.unwrap();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    idle.write_all(&bytes(&list(), false)).await.unwrap();
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).await.unwrap();

    let service = server.service().clone();
    let shutdown = tokio::spawn(server.shutdown(Duration::from_secs(30)));
    // The idle connection ends first; only then is the busy one given its last byte.
    rest(&mut idle).await;
    busy.write_all(&request[request.len() - 1..]).await.unwrap();
    let answer = rest(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let report = shutdown.await.unwrap();
    assert_eq!((report.finished, report.aborted), (2, 0));
    assert!(
        TcpStream::connect(addr).await.is_err(),
        "the port is closed"
    );
    // What was stored outlives the socket for whoever holds the service.
    assert!(service.create_project(PROJECT).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn shutdown_cuts_what_is_not_done_by_the_deadline() {
    let server = start(builder().body_timeout(Duration::from_secs(600))).await;
    let request = bytes(&put(), false);
    let mut busy = TcpStream::connect(server.addr()).await.unwrap();
    busy.write_all(&request[..request.len() - 1]).await.unwrap();
    // A second exchange shows that the first connection was accepted before.
    is_alive(&server).await;
    let report = server.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.aborted, 1);
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_does_not_hold_up_a_shutdown() {
    let server = start(builder()).await;
    let mut half = TcpStream::connect(server.addr()).await.unwrap();
    half.write_all(b"GET / HT").await.unwrap();
    is_alive(&server).await;
    let began = tokio::time::Instant::now();
    let report = server.shutdown(Duration::from_secs(600)).await;
    assert_eq!(report.aborted, 0);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(rest(&mut half).await, "");
}

#[tokio::test]
async fn dropping_the_server_closes_the_port() {
    let server = start(builder()).await;
    let addr = server.addr();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    drop(server);
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let server = start(builder()).await;
    let error = builder().listen(server.addr()).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", server.addr())
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn endpoint_and_key_are_what_a_client_needs() {
    let server = builder()
        .listen("0.0.0.0:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    let port = server.addr().port();
    assert_eq!(server.endpoint(), format!("http://127.0.0.1:{port}"));
    assert_eq!(server.credentials().access_key_id(), key().access_key_id());
    let server = LocalServer::builder().start().await.unwrap();
    assert_eq!(server.credentials().access_key_id(), "local");
    assert_eq!(server.credentials().access_key_secret(), "local-secret");
}
