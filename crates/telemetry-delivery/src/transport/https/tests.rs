//! TLS against a server of our own, which needs roots that users cannot set.

use std::net::SocketAddr;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::*;

/// A server whose certificate is for `name`, and that certificate.
async fn tls_server(name: &str) -> (SocketAddr, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsafe";
            let _ = stream.write_all(answer).await;
            let _ = stream.flush().await;
        }
    });
    (address, cert.der().clone())
}

fn trusting(certificate: CertificateDer<'static>) -> HttpsTransport {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    HttpsTransport::with_roots(HttpsConfig::default(), roots)
}

async fn get(
    transport: HttpsTransport,
    address: SocketAddr,
) -> Result<Response<Bytes>, TransportError> {
    let uri = format!("https://{address}/");
    let request = Request::get(uri).body(Bytes::new()).unwrap();
    transport.oneshot(request).await
}

#[track_caller]
fn check_refused(outcome: Result<Response<Bytes>, TransportError>, address: SocketAddr) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Tls, "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("no agreement on tls with {address}")
    );
    assert!(!error.may_have_been_sent());
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let (address, _) = tls_server("127.0.0.1").await;
    check_refused(get(HttpsTransport::default(), address).await, address);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let (address, certificate) = tls_server("other.example.test").await;
    check_refused(get(trusting(certificate), address).await, address);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    });
    check_refused(get(HttpsTransport::default(), address).await, address);
}

#[tokio::test]
async fn a_trusted_certificate_for_the_host_is_accepted() {
    let (address, certificate) = tls_server("127.0.0.1").await;
    let answer = get(trusting(certificate), address).await.unwrap();
    assert_eq!(answer.body(), "safe");
}
