//! Requests and answers, and servers that misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use telemetry_delivery::{
    BodyErrorKind, BoxTransport, HttpsConfig, HttpsTransport, TimeoutKind, TransportError,
    TransportErrorKind as Kind,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::ServiceExt;

use crate::loopback::{StandingClock, failure, header, read_request, send, server};

const MIB: usize = 1024 * 1024;
/// Short enough to wait for in a test whose server never comes to an end.
const SOON: Duration = Duration::from_millis(50);

/// Answers the first request of every connection with `answer`, then closes it.
async fn server_saying(answer: &'static str) -> SocketAddr {
    let (address, _) = server(move |mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    address
}

/// Answers with half a body, then does nothing, for ever.
async fn server_stopping_in_the_body() -> SocketAddr {
    let (address, _) = server(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            .await;
        std::future::pending().await
    })
    .await;
    address
}

/// Answers every request with an empty 200 and passes its text on.
async fn server_listening() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let (address, _) = server(move |mut stream| {
        let heard = heard.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                heard.send(request).unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    (address, requests)
}

fn get(address: SocketAddr) -> Request<Bytes> {
    Request::get(format!("http://{address}/path?key=secret"))
        .header("authorization", "secret")
        .body(Bytes::new())
        .unwrap()
}

#[track_caller]
fn check(error: &TransportError, kind: Kind, sent: bool, text: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.may_have_been_sent(), sent, "{error:?}");
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_refused_connection_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = failure(HttpsConfig::default(), get(address)).await;
    check(
        &error,
        Kind::Connect,
        false,
        &format!("cannot connect to {address}"),
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.to_lowercase().contains("refused"), "{cause}");
}

#[tokio::test]
async fn a_host_without_address_gives_dns() {
    // One letter longer than a label may be, so that no resolver asks anybody about it.
    let host = format!("{}.test", "a".repeat(64));
    let request = Request::get(format!("http://{host}/")).body(Bytes::new());
    // A proxy that the environment names would be asked to resolve it.
    let config = HttpsConfig::default().with_no_proxy();
    let error = failure(config, request.unwrap()).await;
    let text = format!("cannot resolve the host of {host}:80");
    check(&error, Kind::Dns, false, &text);
}

#[tokio::test]
async fn a_server_that_closes_before_the_head_gives_closed() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let address = server_saying(said).await;
        let error = failure(HttpsConfig::default(), get(address)).await;
        let text = format!("{address} closed the connection without an answer");
        check(&error, Kind::Closed, true, &text);
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_gives_cut() {
    for said in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let address = server_saying(said).await;
        let error = failure(HttpsConfig::default(), get(address)).await;
        let text = format!("the answer of {address} ended early");
        check(&error, Kind::Body(BodyErrorKind::Cut), true, &text);
    }
}

#[tokio::test]
async fn what_is_not_http_gives_protocol() {
    for said in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot hexadecimal\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let address = server_saying(said).await;
        let error = failure(HttpsConfig::default(), get(address)).await;
        let text = format!("the answer of {address} is not valid http/1.1");
        check(&error, Kind::Protocol, true, &text);
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let (address, _) = server(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let error = failure(HttpsConfig::default(), get(address)).await;
    let text = format!("the answer of {address} is not valid http/1.1");
    check(&error, Kind::Protocol, true, &text);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_without_reading_it() {
    for framing in [
        "content-length: 536870912\r\n\r\n",
        "connection: close\r\n\r\n",
    ] {
        let written = Arc::new(AtomicUsize::new(0));
        let (done, mut closed) = mpsc::unbounded_channel();
        let counter = Arc::clone(&written);
        let (address, _) = server(move |mut stream| {
            let (written, done) = (Arc::clone(&counter), done.clone());
            async move {
                read_request(&mut stream).await;
                let head = format!("HTTP/1.1 200 OK\r\n{framing}");
                stream.write_all(head.as_bytes()).await.unwrap();
                while let Ok(n) = stream.write(&[7; 65536]).await {
                    written.fetch_add(n, Ordering::Relaxed);
                }
                done.send(()).unwrap();
            }
        })
        .await;

        let config = HttpsConfig::default().with_max_response_bytes(MIB);
        let error = failure(config, get(address)).await;
        let text = format!("the answer of {address} is larger than 1048576 bytes");
        check(&error, Kind::Body(BodyErrorKind::TooLarge), true, &text);

        closed.recv().await.unwrap();
        // What the kernel buffers on both sides counts as written; of 512 MiB it is little.
        let written = written.load(Ordering::Relaxed);
        assert!(written < 32 * MIB, "{written} bytes were taken");
    }
}

#[tokio::test]
async fn the_announced_size_of_a_body_that_does_not_come_is_not_held_against_it() {
    let address = server_saying("HTTP/1.1 200 OK\r\ncontent-length: 536870912\r\n\r\n").await;
    let mut request = get(address);
    *request.method_mut() = http::Method::HEAD;
    let answer = send(HttpsConfig::default(), request).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "536870912");
    assert!(answer.body().is_empty());
}

#[tokio::test]
async fn silence_in_the_middle_of_a_body_is_given_up() {
    let address = server_stopping_in_the_body().await;
    let config = HttpsConfig::default().with_read_idle_timeout(SOON);
    let error = failure(config, get(address)).await;
    let text = format!("{address} fell silent for 50ms in the middle of an answer");
    check(&error, Kind::Timeout(TimeoutKind::ReadIdle), true, &text);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let still = StandingClock::new();
    let (address, _) = server(move |mut stream| {
        let still = still.clone();
        async move {
            read_request(&mut stream).await;
            still.release();
            std::future::pending().await
        }
    })
    .await;
    let config = HttpsConfig::default().with_attempt_timeout(SOON);
    let error = failure(config, get(address)).await;
    let text = format!("no complete answer from {address} within 50ms");
    check(&error, Kind::Timeout(TimeoutKind::Attempt), true, &text);
}

/// Answers with a body of a byte now and then, for ever.
async fn server_dripping(still: StandingClock) -> SocketAddr {
    let (address, _) = server(move |mut stream| {
        let still = still.clone();
        async move {
            read_request(&mut stream).await;
            let mut said = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            still.release();
            let mut drops = tokio::time::interval(Duration::from_millis(5));
            while said.is_ok() {
                drops.tick().await;
                said = stream.write_all(b"x").await;
            }
        }
    })
    .await;
    address
}

#[tokio::test(start_paused = true)]
async fn a_steady_drip_does_not_outlast_the_attempt() {
    let address = server_dripping(StandingClock::new()).await;
    let config = HttpsConfig::default()
        .with_read_idle_timeout(4 * SOON)
        .with_attempt_timeout(5 * SOON);
    let error = failure(config, get(address)).await;
    let text = format!("no complete answer from {address} within 250ms");
    check(&error, Kind::Timeout(TimeoutKind::Attempt), true, &text);
}

#[tokio::test(start_paused = true)]
async fn a_drip_below_the_minimum_is_given_up_early() {
    let address = server_dripping(StandingClock::new()).await;
    let config = HttpsConfig::default().with_min_throughput(1000, SOON);
    let error = failure(config, get(address)).await;
    let text = format!("{address} gave less than 1000 bytes of an answer in 50ms");
    check(&error, Kind::Timeout(TimeoutKind::Throughput), true, &text);
}

#[tokio::test]
async fn the_limit_of_an_attempt_covers_the_body() {
    let address = server_stopping_in_the_body().await;
    let config = HttpsConfig::default().with_attempt_timeout(SOON);
    let error = failure(config, get(address)).await;
    assert_eq!(error.kind(), Kind::Timeout(TimeoutKind::Attempt));
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_counts_as_connecting() {
    let (address, _) = server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let request = || {
        Request::get(format!("https://{address}/"))
            .body(Bytes::new())
            .unwrap()
    };
    let config = HttpsConfig::default().with_connect_timeout(SOON);
    let error = failure(config, request()).await;
    let text = format!("no connection to {address} within 50ms");
    check(&error, Kind::Timeout(TimeoutKind::Connect), false, &text);

    let config = HttpsConfig::default().with_attempt_timeout(SOON);
    let error = failure(config, request()).await;
    let text = format!("no complete answer from {address} within 50ms");
    check(&error, Kind::Timeout(TimeoutKind::Attempt), false, &text);
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_is_refused_before_connecting() {
    let (address, connections) = server(|_stream| async {}).await;
    let host = address.to_string();
    let request = || Request::post(format!("http://{host}/"));
    let built = |builder: http::request::Builder| builder.body(Bytes::from("body")).unwrap();
    for (request, text) in [
        (
            built(Request::post("/path")),
            "the request names no host to connect to",
        ),
        (
            built(Request::post(format!("ftp://{host}/"))),
            "the request uri is neither http nor https",
        ),
        (
            built(Request::post(format!("http://user:secret@{host}/"))),
            "the request uri carries a user or password",
        ),
        (
            built(request().method("CONNECT")),
            "the method connect asks for a tunnel",
        ),
        (
            built(request().header("transfer-encoding", "chunked")),
            "the request sets transfer-encoding",
        ),
        (
            built(request().header("content-length", "3")),
            "the content-length of the request is not the length of its body",
        ),
    ] {
        let error = failure(HttpsConfig::default(), request).await;
        check(&error, Kind::InvalidRequest, false, text);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_explicit_host_header_is_kept() {
    let (address, mut requests) = server_listening().await;
    let request = Request::get(format!("http://{address}/path?a=1"))
        .header("host", "virtual.example.test")
        .body(Bytes::new())
        .unwrap();
    send(HttpsConfig::default(), request).await.unwrap();
    let heard = requests.recv().await.unwrap();
    assert!(heard.starts_with("GET /path?a=1 HTTP/1.1\r\n"), "{heard}");
    assert_eq!(header(&heard, "host"), Some("virtual.example.test"));
    assert_eq!(heard.to_lowercase().matches("host: ").count(), 1);
}

#[tokio::test]
async fn without_a_host_header_the_uri_gives_it() {
    let (address, mut requests) = server_listening().await;
    send(HttpsConfig::default(), get(address)).await.unwrap();
    let heard = requests.recv().await.unwrap();
    assert_eq!(header(&heard, "host"), Some(&*address.to_string()));
}

#[tokio::test]
async fn a_write_always_says_how_long_its_body_is() {
    let (address, mut requests) = server_listening().await;
    for (body, length) in [("", "0"), ("body", "4")] {
        let request = Request::post(format!("http://{address}/"))
            .body(Bytes::from(body))
            .unwrap();
        send(HttpsConfig::default(), request).await.unwrap();
        let heard = requests.recv().await.unwrap();
        assert_eq!(header(&heard, "content-length"), Some(length));
        assert!(heard.ends_with(&format!("\r\n\r\n{body}")), "{heard}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (elsewhere, connections) = server(|_stream| async {}).await;
    let (address, _) = server(move |mut stream| async move {
        read_request(&mut stream).await;
        let answer = format!(
            "HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let answer = send(HttpsConfig::default(), get(address)).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn status_headers_and_body_of_an_answer_arrive() {
    let address = server_saying(
        "HTTP/1.1 503 Service Unavailable\r\nx-id: 7\r\ntransfer-encoding: chunked\r\n\r\n\
         4\r\nbusy\r\n6\r\n today\r\n0\r\n\r\n",
    )
    .await;
    let answer = send(HttpsConfig::default(), get(address)).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["x-id"], "7");
    assert_eq!(answer.body(), "busy today");
}

/// Sends three requests, one after the other, each through its own clone of a transport.
async fn connections_for_three_requests(config: HttpsConfig) -> usize {
    let (address, connections) = server(|mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let transport = BoxTransport::new(HttpsTransport::new(config).unwrap());
    for _ in 0..3 {
        let answer = transport.clone().oneshot(get(address)).await.unwrap();
        assert_eq!(answer.body(), "ok");
        // The connection's task hands it back once it runs again.
        tokio::task::yield_now().await;
    }
    connections.load(Ordering::Relaxed)
}

#[tokio::test]
async fn clones_share_the_pool() {
    let config = HttpsConfig::default();
    assert_eq!(connections_for_three_requests(config).await, 1);
}

#[tokio::test]
async fn a_pool_that_may_keep_nothing_keeps_nothing() {
    let config = HttpsConfig::default().with_pool_max_idle_per_host(0);
    assert_eq!(connections_for_three_requests(config).await, 3);
    let config = HttpsConfig::default().with_pool_idle_timeout(Duration::ZERO);
    assert_eq!(connections_for_three_requests(config).await, 3);
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let (told, mut events) = mpsc::unbounded_channel();
    let (address, _) = server(move |mut stream| {
        let told = told.clone();
        async move {
            read_request(&mut stream).await;
            told.send("asked").unwrap();
            let ended = stream.read(&mut [0]).await;
            told.send(if matches!(ended, Ok(0)) {
                "closed"
            } else {
                "?"
            })
            .unwrap();
        }
    })
    .await;
    let waiting = tokio::spawn(send(HttpsConfig::default(), get(address)));
    assert_eq!(events.recv().await, Some("asked"));
    waiting.abort();
    assert_eq!(events.recv().await, Some("closed"));
}
