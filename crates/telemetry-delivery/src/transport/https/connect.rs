use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use super::{HttpsConfig, Peer, TimeoutKind, TransportError, TransportErrorKind, chain, find};

type BoxError = Box<dyn StdError + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Name resolution, TCP and TLS under one limit, with errors that say which of them failed.
#[derive(Clone)]
pub(super) struct Connector {
    layers: HttpsConnector<HttpConnector<Resolver>>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(config: &HttpsConfig, roots: RootCertStore) -> Self {
        let limit = config.connect_timeout();
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(config.tcp_nodelay());
        // Divided among the addresses of a host, so that one dead address does not use up all.
        tcp.set_connect_timeout(Some(limit));
        let layers = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { layers, limit }
    }
}

fn tls(roots: RootCertStore) -> ClientConfig {
    // Named and not left to the process-wide default, which another crate may have set.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = TransportError;
    type Future = BoxFuture<Self::Response, TransportError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.layers.poll_ready(cx).map_err(|error| {
            let message = "the connector is not ready";
            TransportError::new(TransportErrorKind::Connect, message).with_source(error)
        })
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let peer = Peer::of(&uri);
        let limit = self.limit;
        let connecting = self.layers.call(uri);
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(|error| describe(error, &peer, limit)),
                Err(_) => Err(too_slow(&peer, limit)),
            }
        })
    }
}

/// Says which step failed, for whom.
fn describe(error: BoxError, peer: &Peer, limit: Duration) -> TransportError {
    use TransportErrorKind as Kind;

    if find::<ResolveError>(&*error).is_some() {
        return TransportError::new(Kind::Dns, format!("cannot resolve the host of {peer}"))
            .with_source(plain_cause(error));
    }
    if find::<rustls::Error>(&*error).is_some() {
        return TransportError::new(Kind::Tls, format!("no agreement on tls with {peer}"))
            .with_source(plain_cause(error));
    }
    // The operating system's own timeout comes with its code; without one it was ours.
    let ours = |error: &io::Error| {
        error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
    };
    if find::<io::Error>(&*error).is_some_and(ours) {
        return too_slow(peer, limit);
    }
    TransportError::new(Kind::Connect, format!("cannot connect to {peer}"))
        .with_source(plain_cause(error))
}

fn too_slow(peer: &Peer, limit: Duration) -> TransportError {
    let kind = TransportErrorKind::Timeout(TimeoutKind::Connect);
    TransportError::new(kind, format!("no connection to {peer} within {limit:?}"))
}

/// The innermost fact of a chain whose outer links only repeat what `describe` says.
fn plain_cause(error: BoxError) -> BoxError {
    if let Some(tls) = find::<rustls::Error>(&*error) {
        return tls.clone().into();
    }
    let code = chain(&*error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .find_map(io::Error::raw_os_error);
    match code {
        Some(code) => io::Error::from_raw_os_error(code).into(),
        None => error,
    }
}

/// The operating system's resolver, with an error that can be told from a refused connection.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = ResolveError;
    type Future = BoxFuture<GaiAddrs, ResolveError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        self.0.poll_ready(cx).map_err(ResolveError)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move { resolving.await.map_err(ResolveError) })
    }
}

#[derive(Debug)]
struct ResolveError(io::Error);

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for ResolveError {}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[track_caller]
    fn check(error: impl Into<BoxError>, want: TransportErrorKind, text: &str, cause: &str) {
        let peer = Peer::of(&Uri::from_static("https://example.test"));
        let error = describe(error.into(), &peer, LIMIT);
        assert_eq!(error.kind(), want);
        assert_eq!(error.to_string(), text);
        let told = error.source().map(ToString::to_string);
        assert!(told.unwrap_or_default().starts_with(cause), "{error:?}");
        assert!(!error.may_have_been_sent());
    }

    #[test]
    fn an_unknown_host_is_a_dns_error() {
        check(
            ResolveError(io::Error::other("name not known")),
            TransportErrorKind::Dns,
            "cannot resolve the host of example.test:443",
            "name not known",
        );
    }

    #[test]
    fn a_certificate_of_unknown_origin_is_a_tls_error() {
        let refused = rustls::Error::from(rustls::CertificateError::UnknownIssuer);
        check(
            io::Error::other(io::Error::new(io::ErrorKind::InvalidData, refused)),
            TransportErrorKind::Tls,
            "no agreement on tls with example.test:443",
            "invalid peer certificate",
        );
    }

    #[test]
    fn a_handshake_that_breaks_off_is_a_connect_error() {
        check(
            io::Error::other(io::Error::new(io::ErrorKind::UnexpectedEof, "eof")),
            TransportErrorKind::Connect,
            "cannot connect to example.test:443",
            "eof",
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_operating_systems_reason_is_the_cause_however_deep() {
        check(
            io::Error::other(io::Error::from_raw_os_error(104)),
            TransportErrorKind::Connect,
            "cannot connect to example.test:443",
            "Connection reset",
        );
    }

    #[test]
    fn our_own_limit_is_told_from_the_operating_systems() {
        check(
            io::Error::from(io::ErrorKind::TimedOut),
            TransportErrorKind::Timeout(TimeoutKind::Connect),
            "no connection to example.test:443 within 10s",
            "",
        );
        #[cfg(target_os = "linux")]
        check(
            io::Error::from_raw_os_error(110),
            TransportErrorKind::Connect,
            "cannot connect to example.test:443",
            "Connection timed out",
        );
    }
}
