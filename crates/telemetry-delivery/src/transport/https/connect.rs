use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use tower::Service;

use super::proxy::{Proxies, ProxyAddress};
use super::roots::Roots;
use super::stream::Stream;
use super::unverified::Unverified;
use super::{
    HttpsConfig, Peer, TimeoutKind, TransportError, TransportErrorKind, chain, find, tunnel,
};

type BoxError = Box<dyn StdError + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Name resolution, TCP, the tunnel of a proxy and TLS under one limit, with errors that say
/// which of them failed.
///
/// ```text
///   http           TCP to the server
///   https          TCP to the server                        TLS
///   http, proxy    TCP to the proxy
///   https, proxy   TCP to the proxy    CONNECT to the server    TLS
/// ```
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: TlsConnector,
    proxies: Arc<Proxies>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(config: &HttpsConfig, proxies: Arc<Proxies>) -> Self {
        let limit = config.connect_timeout();
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(config.tcp_nodelay());
        // Divided among the addresses of a host, so that one dead address does not use up all.
        tcp.set_connect_timeout(Some(limit));
        Self {
            tcp,
            tls: TlsConnector::from(Arc::new(tls_config(config.roots()))),
            proxies,
            limit,
        }
    }

    async fn connect(&self, uri: Uri, peer: &Peer) -> Result<Stream, TransportError> {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let tcp = match self.proxies.for_uri(&uri)? {
            None => self.dial(&uri, peer).await?,
            Some(proxy) => {
                let mut tcp = self.dial(proxy.uri(), &ProxyName(proxy)).await?;
                if !is_https {
                    return Ok(Stream::Proxy(tcp));
                }
                tunnel::open(&mut tcp, &uri, proxy).await?;
                tcp
            }
        };
        if is_https {
            self.secure(tcp, &uri, peer).await
        } else {
            Ok(Stream::Plain(tcp))
        }
    }

    /// A TCP connection to the host of `uri`, which errors call `whom`.
    async fn dial(
        &self,
        uri: &Uri,
        whom: &(impl fmt::Display + Sync),
    ) -> Result<TcpStream, TransportError> {
        match self.tcp.clone().call(uri.clone()).await {
            Ok(tcp) => Ok(tcp.into_inner()),
            Err(error) => Err(not_connected(error.into(), whom, self.limit)),
        }
    }

    async fn secure(
        &self,
        tcp: TcpStream,
        uri: &Uri,
        peer: &Peer,
    ) -> Result<Stream, TransportError> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            let message = format!("no certificate can be for the host of {peer}");
            TransportError::new(TransportErrorKind::Tls, message).with_source(error)
        })?;
        match self.tls.connect(name, tcp).await {
            Ok(tls) => Ok(Stream::Tls(Box::new(tls))),
            Err(error) => Err(not_secured(error, peer)),
        }
    }
}

/// A proxy as an error names it.
struct ProxyName<'p>(&'p ProxyAddress);

impl fmt::Display for ProxyName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}", self.0)
    }
}

fn tls_config(roots: &Roots) -> ClientConfig {
    // Named and not left to the process-wide default, which another crate may have set.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring has cipher suites for TLS 1.2 and 1.3");
    if roots.trusts_everybody() {
        return builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified::new(&provider)))
            .with_no_client_auth();
    }
    builder
        .with_root_certificates(roots.store())
        .with_no_client_auth()
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = TransportError;
    type Future = BoxFuture<Self::Response, TransportError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.tcp.poll_ready(cx).map_err(|error| {
            let message = "the connector is not ready";
            TransportError::new(TransportErrorKind::Connect, message).with_source(error)
        })
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let limit = connector.limit;
            let peer = Peer::of(&uri, &connector.proxies);
            match timeout(limit, connector.connect(uri, &peer)).await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_) => Err(too_slow(&peer, limit)),
            }
        })
    }
}

/// Says why there is no TCP connection to `whom`.
fn not_connected(error: BoxError, whom: &impl fmt::Display, limit: Duration) -> TransportError {
    use TransportErrorKind as Kind;

    if find::<ResolveError>(&*error).is_some() {
        return TransportError::new(Kind::Dns, format!("cannot resolve the host of {whom}"))
            .with_source(plain_cause(error));
    }
    // The operating system's own timeout comes with its code; without one it was ours.
    let ours = |error: &io::Error| {
        error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
    };
    if find::<io::Error>(&*error).is_some_and(ours) {
        return too_slow(whom, limit);
    }
    cannot_connect(error, whom)
}

/// Says why there is no TLS on top of a connection.
fn not_secured(error: io::Error, peer: &Peer) -> TransportError {
    match find::<rustls::Error>(&error) {
        Some(cause) => {
            let message = format!("no agreement on tls with {peer}");
            TransportError::new(TransportErrorKind::Tls, message).with_source(cause.clone())
        }
        None => cannot_connect(error.into(), peer),
    }
}

fn cannot_connect(error: BoxError, whom: &impl fmt::Display) -> TransportError {
    TransportError::new(
        TransportErrorKind::Connect,
        format!("cannot connect to {whom}"),
    )
    .with_source(plain_cause(error))
}

fn too_slow(whom: &impl fmt::Display, limit: Duration) -> TransportError {
    let kind = TransportErrorKind::Timeout(TimeoutKind::Connect);
    TransportError::new(kind, format!("no connection to {whom} within {limit:?}"))
}

/// The innermost fact of a chain whose outer links only repeat what is said already.
fn plain_cause(error: BoxError) -> BoxError {
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
    use super::super::proxy::{Bypass, ProxySetting};
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[track_caller]
    fn check(error: TransportError, want: TransportErrorKind, text: &str, cause: &str) {
        assert_eq!(error.kind(), want);
        assert_eq!(error.to_string(), text);
        let told = error.source().map(ToString::to_string);
        assert!(told.unwrap_or_default().starts_with(cause), "{error:?}");
        assert!(!error.may_have_been_sent());
    }

    fn tcp(error: impl Into<BoxError>) -> TransportError {
        not_connected(error.into(), &"example.test:443", LIMIT)
    }

    fn tls(error: io::Error) -> TransportError {
        let uri = Uri::from_static("https://example.test");
        let proxies = Proxies::new(&ProxySetting::Off, &Bypass::default(), |_| None);
        not_secured(error, &Peer::of(&uri, &proxies))
    }

    #[test]
    fn an_unknown_host_is_a_dns_error() {
        check(
            tcp(ResolveError(io::Error::other("name not known"))),
            TransportErrorKind::Dns,
            "cannot resolve the host of example.test:443",
            "name not known",
        );
    }

    #[test]
    fn a_certificate_of_unknown_origin_is_a_tls_error() {
        let refused = rustls::Error::from(rustls::CertificateError::UnknownIssuer);
        check(
            tls(io::Error::new(io::ErrorKind::InvalidData, refused)),
            TransportErrorKind::Tls,
            "no agreement on tls with example.test:443",
            "invalid peer certificate",
        );
    }

    #[test]
    fn a_handshake_that_breaks_off_is_a_connect_error() {
        check(
            tls(io::Error::new(io::ErrorKind::UnexpectedEof, "eof")),
            TransportErrorKind::Connect,
            "cannot connect to example.test:443",
            "eof",
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_operating_systems_reason_is_the_cause_however_deep() {
        check(
            tcp(io::Error::other(io::Error::from_raw_os_error(104))),
            TransportErrorKind::Connect,
            "cannot connect to example.test:443",
            "Connection reset",
        );
    }

    #[test]
    fn our_own_limit_is_told_from_the_operating_systems() {
        check(
            tcp(io::Error::from(io::ErrorKind::TimedOut)),
            TransportErrorKind::Timeout(TimeoutKind::Connect),
            "no connection to example.test:443 within 10s",
            "",
        );
        #[cfg(target_os = "linux")]
        check(
            tcp(io::Error::from_raw_os_error(110)),
            TransportErrorKind::Connect,
            "cannot connect to example.test:443",
            "Connection timed out",
        );
    }
}
