//! Through a proxy on loopback.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use telemetry_delivery::{HttpsConfig, ProxyErrorKind, TransportErrorKind as Kind};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::loopback::{failure, header, read_request, send, server};
use crate::tls::Authority;

/// `user:secret`, as `Proxy-Authorization` carries it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";
/// What clients ask for, and no resolver has to find.
const TARGET: &str = "target.example.test";

/// Answers every request with `answer` and passes its text on.
async fn proxy_saying(answer: &'static str) -> (SocketAddr, UnboundedReceiver<String>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let (address, _) = server(move |mut stream| {
        let heard = heard.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                heard.send(request).unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (address, requests)
}

/// Opens a tunnel to `server`, whatever it is asked for, and passes the question on.
async fn tunnel_to(server_address: SocketAddr) -> (SocketAddr, UnboundedReceiver<String>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let (address, _) = server(move |mut stream| {
        let heard = heard.clone();
        async move {
            heard
                .send(read_request(&mut stream).await.unwrap())
                .unwrap();
            let mut server = TcpStream::connect(server_address).await.unwrap();
            let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    })
    .await;
    (address, requests)
}

fn through(proxy: SocketAddr) -> HttpsConfig {
    through_with(HttpsConfig::default(), proxy)
}

fn through_with(config: HttpsConfig, proxy: SocketAddr) -> HttpsConfig {
    config
        .with_proxy(&format!("http://user:secret@{proxy}"))
        .unwrap()
}

fn get(uri: &str) -> Request<Bytes> {
    Request::get(uri)
        .header("host", "virtual.example.test")
        .body(Bytes::new())
        .unwrap()
}

#[tokio::test]
async fn a_plain_request_is_handed_to_the_proxy_whole() {
    let (proxy, mut requests) =
        proxy_saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let uri = format!("http://{TARGET}:8080/path?a=1");
    let answer = send(through(proxy), get(&uri)).await.unwrap();
    assert_eq!(answer.body(), "ok");
    let heard = requests.recv().await.unwrap();
    assert!(
        heard.starts_with(&format!("GET {uri} HTTP/1.1\r\n")),
        "{heard}"
    );
    assert_eq!(header(&heard, "host"), Some("virtual.example.test"));
    assert_eq!(header(&heard, "proxy-authorization"), Some(BASIC));
}

#[tokio::test]
async fn a_request_over_tls_goes_through_a_tunnel_that_the_server_knows_nothing_of() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(TARGET);
    let (told, mut requests) = mpsc::unbounded_channel();
    let (server, _) = server(move |stream| {
        let (acceptor, told) = (acceptor.clone(), told.clone());
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            while let Some(request) = read_request(&mut stream).await {
                told.send(request).unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsafe";
                stream.write_all(answer).await.unwrap();
            }
        }
    })
    .await;
    let (proxy, mut tunnels) = tunnel_to(server).await;

    let config = through_with(authority.config(), proxy);
    let uri = format!("https://{TARGET}/path?a=1");
    let answer = send(config, get(&uri)).await.unwrap();
    assert_eq!(answer.body(), "safe");

    let asked = tunnels.recv().await.unwrap();
    let line = format!("CONNECT {TARGET}:443 HTTP/1.1\r\n");
    assert!(asked.starts_with(&line), "{asked}");
    assert_eq!(header(&asked, "host"), Some(&*format!("{TARGET}:443")));
    assert_eq!(header(&asked, "proxy-authorization"), Some(BASIC));

    let heard = requests.recv().await.unwrap();
    assert!(heard.starts_with("GET /path?a=1 HTTP/1.1\r\n"), "{heard}");
    assert_eq!(header(&heard, "host"), Some("virtual.example.test"));
    assert_eq!(header(&heard, "proxy-authorization"), None);
}

#[tokio::test]
async fn the_certificate_is_checked_inside_a_tunnel_too() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("other.example.test");
    let (server, _) = server(move |stream| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(stream).await) }
    })
    .await;
    let (proxy, _tunnels) = tunnel_to(server).await;
    let config = through_with(authority.config(), proxy);
    let error = failure(config, get(&format!("https://{TARGET}/"))).await;
    assert_eq!(error.kind(), Kind::Tls);
    let text = format!("no agreement on tls with {TARGET}:443 through the proxy {proxy}");
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_refused_tunnel_names_the_proxy() {
    for (answer, kind, text) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            ProxyErrorKind::Unauthorized,
            "wants credentials, or other ones, for target.example.test:443 (http 407)",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\n\r\n",
            ProxyErrorKind::Unreachable,
            "did not reach target.example.test:443 (http 502)",
        ),
    ] {
        let (proxy, _requests) = proxy_saying(answer).await;
        let error = failure(through(proxy), get(&format!("https://{TARGET}/"))).await;
        assert_eq!(error.kind(), Kind::Proxy(kind));
        assert_eq!(error.to_string(), format!("the proxy {proxy} {text}"));
        assert!(!error.may_have_been_sent());
    }
}

#[tokio::test]
async fn a_plain_request_tells_407_from_an_answer_of_the_server() {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let (proxy, _requests) = proxy_saying(answer).await;
    let uri = format!("http://{TARGET}/");
    let error = failure(through(proxy), get(&uri)).await;
    assert_eq!(error.kind(), Kind::Proxy(ProxyErrorKind::Unauthorized));
    assert!(!error.may_have_been_sent());

    // A server that is asked without a proxy says 407 for reasons of its own.
    let config = HttpsConfig::default().with_no_proxy();
    let answer = send(config, get(&format!("http://{proxy}/")))
        .await
        .unwrap();
    assert_eq!(answer.status(), 407);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https"] {
        let error = failure(through(proxy), get(&format!("{scheme}://{TARGET}/"))).await;
        assert_eq!(error.kind(), Kind::Connect);
        let text = format!("cannot connect to the proxy {proxy}");
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn a_host_on_the_bypass_list_is_reached_without_the_proxy() {
    let (proxy, mut requests) = proxy_saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let (target, mut direct) = proxy_saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let uri = format!("http://{target}/");

    send(through(proxy), get(&uri)).await.unwrap();
    let heard = requests.recv().await.unwrap();
    assert!(heard.starts_with(&format!("GET {uri} ")), "{heard}");

    let config = through(proxy).with_proxy_bypass("10.0.0.0/8, 127.0.0.0/8");
    send(config, get(&uri)).await.unwrap();
    let heard = direct.recv().await.unwrap();
    assert!(heard.starts_with("GET / HTTP/1.1"), "{heard}");
    assert_eq!(header(&heard, "proxy-authorization"), None);
    assert!(requests.try_recv().is_err());
}
