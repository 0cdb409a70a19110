//! Whose certificates are trusted.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use telemetry_delivery::{HttpsConfig, TransportError, TransportErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::loopback::{read_request, send, server};

/// A certificate authority of our own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn config(&self) -> HttpsConfig {
        HttpsConfig::default()
            .with_root_certificate_der(self.0.der())
            .unwrap()
    }

    fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.0.der());
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// Speaks TLS with a certificate for `host`.
    pub(crate) fn acceptor(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server whose certificate is for `host`, wherever it is.
    async fn server(&self, host: &str) -> SocketAddr {
        let acceptor = self.acceptor(host);
        let (address, _) = server(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                read_request(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsafe";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        address
    }
}

async fn get(config: HttpsConfig, address: SocketAddr) -> Result<Response<Bytes>, TransportError> {
    let request = Request::get(format!("https://{address}/")).body(Bytes::new());
    send(config, request.unwrap()).await
}

async fn check_accepted(config: HttpsConfig, address: SocketAddr) {
    assert_eq!(get(config, address).await.unwrap().body(), "safe");
}

async fn check_refused(config: HttpsConfig, address: SocketAddr) {
    let error = get(config, address).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Tls, "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("no agreement on tls with {address}")
    );
    assert!(!error.may_have_been_sent());
    assert!(!error.is_transient());
}

#[tokio::test]
async fn an_authority_that_was_added_is_trusted_and_another_is_not() {
    let authority = Authority::new();
    let address = authority.server("127.0.0.1").await;
    check_accepted(authority.config(), address).await;
    check_refused(HttpsConfig::default(), address).await;
    check_refused(Authority::new().config(), address).await;
}

#[tokio::test]
async fn the_authority_may_come_as_pem_and_be_the_only_one() {
    let authority = Authority::new();
    let address = authority.server("127.0.0.1").await;
    let config = HttpsConfig::default()
        .with_root_certificate_pem(authority.pem())
        .unwrap();
    check_accepted(config.clone(), address).await;
    check_accepted(config.with_only_root_certificates(), address).await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let address = authority.server("other.example.test").await;
    check_refused(authority.config(), address).await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_refused() {
    let (address, _) = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    check_refused(HttpsConfig::default(), address).await;
}

#[tokio::test]
async fn any_certificate_is_accepted_when_none_is_verified_and_never_otherwise() {
    let authority = Authority::new();
    let address = authority.server("other.example.test").await;
    let config = HttpsConfig::default();
    assert!(config.verifies_certificates());
    check_refused(config.clone(), address).await;
    let config = config.with_unverified_certificates();
    assert!(!config.verifies_certificates());
    check_accepted(config, address).await;
}
