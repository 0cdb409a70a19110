mod body; // an answer's body, within its limits
mod config; // limits and habits
mod connect; // TCP, a proxy's tunnel, TLS
mod proxy; // which requests go through a proxy
mod roots; // whose certificates are trusted
mod stream; // plain or TLS, to a server or to a proxy
mod tunnel; // CONNECT
mod unverified; // accepts any certificate, on request
mod whole; // a request's body

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;
use tower::Service;

use super::{
    BodyErrorKind, ProxyErrorKind, ResponseFuture, TimeoutKind, TransportError, TransportErrorKind,
};
use crate::error::ConfigError;
use body::BodyFailure;
pub use config::HttpsConfig;
use connect::Connector;
use proxy::{Proxies, ProxyAddress};
use whole::Whole;

/// Speaks HTTP/1.1 over pooled TCP and TLS connections.
///
/// `http://` and `https://` URIs are both served; TLS is 1.2 or 1.3, and certificates have to
/// lead to a root of Mozilla's list, which is compiled in, or to one that was added with
/// [`HttpsConfig::with_root_certificate_pem`].
/// Clones share the pool, so make one and clone it.
///
/// - The URI says where to connect and, for TLS, whose certificate to expect.
///   A `Host` header that is set is sent as it is, and may name something else; without one it
///   is made from the URI.
/// - No redirect is followed: it is an answer like any other, and headers meant for one host
///   never reach a second.
/// - A proxy is used as the environment says, or the configuration; see
///   [`HttpsConfig::with_proxy`]. No other environment variable is read.
/// - Trailers are dropped.
///
/// Limits and their defaults are those of [`HttpsConfig`].
///
/// # Errors
/// - [`Dns`], [`Connect`], [`Tls`], [`Timeout(Connect)`](TimeoutKind::Connect): there was no
///   connection and nothing was sent.
/// - [`Proxy`]: there is a proxy on the way, and it did not let the request through.
///   Of what a proxy answers to a plain `http` request, only the status 407 can be told from an
///   answer of the server; everything else is handed on as one.
/// - [`Closed`], [`Timeout(Attempt)`](TimeoutKind::Attempt), [`Protocol`]: no answer arrived.
/// - [`Body`], [`Timeout(ReadIdle)`](TimeoutKind::ReadIdle),
///   [`Timeout(Throughput)`](TimeoutKind::Throughput): an answer began and did not end well.
/// - [`InvalidRequest`]: the URI is not absolute, not `http` or `https`, or carries a user or
///   password; the method is `CONNECT`; `Content-Length` is not the body's length;
///   `Transfer-Encoding` is set.
///
/// A pooled connection that turns out to be closed before any of the request was written is
/// replaced silently, within the same attempt.
///
/// # Panics
/// The future panics when it is polled outside a tokio runtime whose I/O and time are enabled.
///
/// # Cancel safety
/// Dropping the future closes its connection when the request was under way; the server may or
/// may not have acted on it.
///
/// [`Dns`]: TransportErrorKind::Dns
/// [`Connect`]: TransportErrorKind::Connect
/// [`Tls`]: TransportErrorKind::Tls
/// [`Proxy`]: TransportErrorKind::Proxy
/// [`Closed`]: TransportErrorKind::Closed
/// [`Protocol`]: TransportErrorKind::Protocol
/// [`Body`]: TransportErrorKind::Body
/// [`InvalidRequest`]: TransportErrorKind::InvalidRequest
#[derive(Clone)]
pub struct HttpsTransport {
    shared: Arc<Shared>,
}

struct Shared {
    client: legacy::Client<Connector, Whole>,
    proxies: Arc<Proxies>,
    config: HttpsConfig,
}

impl HttpsTransport {
    /// Opens an empty pool; nothing is connected before the first request.
    ///
    /// The environment is asked for a proxy now, and not again.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] when a time limit of `config` is zero, or when only own root
    /// certificates are trusted and there is none.
    pub fn new(config: HttpsConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self::of(config))
    }

    fn of(config: HttpsConfig) -> Self {
        let proxies = Proxies::new(config.proxy_setting(), config.proxy_bypass(), |name| {
            std::env::var(name).ok()
        });
        let proxies = Arc::new(proxies);
        // hyper would keep a connection whose idle time is zero until it looks for such ones.
        let max_idle = if config.pool_idle_timeout().is_zero() {
            0
        } else {
            config.pool_max_idle_per_host()
        };
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.pool_idle_timeout())
            .pool_max_idle_per_host(max_idle)
            .build(Connector::new(&config, Arc::clone(&proxies)));
        if !config.verifies_certificates() {
            tracing::warn!(
                "certificates are not verified: anybody on the way can read and change what is sent"
            );
        }
        Self {
            shared: Arc::new(Shared {
                client,
                proxies,
                config,
            }),
        }
    }
}

impl Default for HttpsTransport {
    /// With the defaults of [`HttpsConfig`].
    fn default() -> Self {
        Self::of(HttpsConfig::default())
    }
}

impl Service<Request<Bytes>> for HttpsTransport {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> ResponseFuture {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.attempt(request).await })
    }
}

impl fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsTransport")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

impl Shared {
    async fn attempt(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut request = prepare(request)?;
        let proxy = self.proxies.for_uri(request.uri())?;
        // A proxy that only opens a tunnel hears its credentials with the request for that.
        let proxy = proxy.filter(|_| request.uri().scheme() != Some(&Scheme::HTTPS));
        if let Some(authorization) = proxy.and_then(ProxyAddress::authorization) {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let peer = Peer::of(request.uri(), &self.proxies);
        // Knows a connection from the moment the request is handed to one, so it tells a request
        // that waited for a connection in vain from one that is on its way.
        let connection = capture_connection(&mut request);
        let handed_over = || connection.connection_metadata().is_some();

        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| no_answer(error, &peer, handed_over()))?;
            if let (Some(proxy), StatusCode::PROXY_AUTHENTICATION_REQUIRED) =
                (proxy, response.status())
            {
                return Err(tunnel::refusal(407, &peer.server, proxy));
            }
            self.complete(response, &peer).await
        };
        let limit = self.config.attempt_timeout();
        timeout(limit, exchange).await.unwrap_or_else(|_| {
            let message = format!("no complete answer from {peer} within {limit:?}");
            let kind = TransportErrorKind::Timeout(TimeoutKind::Attempt);
            Err(TransportError::new(kind, message).with_sent(handed_over()))
        })
    }

    /// Reads the rest of an answer whose head has arrived.
    async fn complete(
        &self,
        response: Response<Incoming>,
        peer: &Peer,
    ) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = response.into_parts();
        let max_bytes = self.config.max_response_bytes();
        let read_idle = self.config.read_idle_timeout();
        let min_throughput = self.config.min_throughput();
        let body = body::read(body, max_bytes, read_idle, min_throughput)
            .await
            .map_err(|failure| {
                use TransportErrorKind as Kind;
                match failure {
                    BodyFailure::TooLarge => TransportError::new(
                        Kind::Body(BodyErrorKind::TooLarge),
                        format!("the answer of {peer} is larger than {max_bytes} bytes"),
                    ),
                    BodyFailure::Idle => TransportError::new(
                        Kind::Timeout(TimeoutKind::ReadIdle),
                        format!("{peer} fell silent for {read_idle:?} in the middle of an answer"),
                    ),
                    BodyFailure::Slow { bytes, window } => TransportError::new(
                        Kind::Timeout(TimeoutKind::Throughput),
                        format!("{peer} gave less than {bytes} bytes of an answer in {window:?}"),
                    ),
                    BodyFailure::Broken(error) if is_malformed(&error) => {
                        not_http(peer).with_source(error)
                    }
                    BodyFailure::Broken(error) => TransportError::new(
                        Kind::Body(BodyErrorKind::Cut),
                        format!("the answer of {peer} ended early"),
                    )
                    .with_source(error),
                }
            })?;
        Ok(Response::from_parts(head, body))
    }
}

/// Refuses what would be sent wrongly, and completes what HTTP/1.1 wants to see.
fn prepare(request: Request<Bytes>) -> Result<Request<Whole>, TransportError> {
    let refuse = |why| Err(TransportError::new(TransportErrorKind::InvalidRequest, why));
    let (mut head, body) = request.into_parts();

    let Some(authority) = head.uri.authority() else {
        return refuse("the request names no host to connect to");
    };
    if authority.host().is_empty() {
        return refuse("the request names no host to connect to");
    }
    if authority.as_str().contains('@') {
        return refuse("the request uri carries a user or password");
    }
    if !matches!(head.uri.scheme_str(), Some("http" | "https")) {
        return refuse("the request uri is neither http nor https");
    }
    if head.method == Method::CONNECT {
        return refuse("the method connect asks for a tunnel");
    }
    // hyper believes these two over the body it is given, and a wrong one lets the server take
    // the rest of the body for a second request.
    if head.headers.contains_key(TRANSFER_ENCODING) {
        return refuse("the request sets transfer-encoding");
    }
    let length = HeaderValue::from(body.len());
    if head
        .headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .any(|set| set != length)
    {
        return refuse("the content-length of the request is not the length of its body");
    }

    // Servers may answer 411 to a write that says nothing about its body, and hyper says nothing
    // about an empty one.
    let announces_body = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
    if announces_body || !body.is_empty() {
        head.headers.insert(CONTENT_LENGTH, length);
    }
    head.version = Version::HTTP_11;
    Ok(Request::from_parts(head, Whole::new(body)))
}

/// Says why no head of an answer arrived.
fn no_answer(error: legacy::Error, peer: &Peer, handed_over: bool) -> TransportError {
    if let Some(known) = find::<TransportError>(&error) {
        return known.clone();
    }
    let cause = find::<hyper::Error>(&error);
    // Such a request was still waiting for its turn on a connection that closed.
    let sent = handed_over && !cause.is_some_and(hyper::Error::is_canceled);
    let described = if cause.is_some_and(hyper::Error::is_parse) {
        not_http(peer)
    } else {
        let message = format!("{peer} closed the connection without an answer");
        TransportError::new(TransportErrorKind::Closed, message)
    };
    described.with_sent(sent).with_source(error)
}

fn not_http(peer: &Peer) -> TransportError {
    let message = format!("the answer of {peer} is not valid http/1.1");
    TransportError::new(TransportErrorKind::Protocol, message)
}

/// Whether a body broke because of what arrived, and not because nothing more did.
fn is_malformed(error: &hyper::Error) -> bool {
    find::<io::Error>(error).is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        )
    })
}

/// The first `E` among `error` and its causes.
fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// `error` and its causes, outermost first.
fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
        // The source of an io::Error skips the error it wraps.
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| cause(*error))
}

/// Host and port as an error may show them, which a whole URI may not be.
struct Peer {
    server: String,
    proxy: Option<String>,
}

impl Peer {
    fn of(uri: &Uri, proxies: &Proxies) -> Self {
        let host = uri.host().unwrap_or_default();
        let default_port = if uri.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        };
        let proxy = proxies.for_uri(uri).ok().flatten();
        Self {
            server: format!("{host}:{}", uri.port_u16().unwrap_or(default_port)),
            proxy: proxy.map(ToString::to_string),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        if let Some(proxy) = &self.proxy {
            write!(f, " through the proxy {proxy}")?;
        }
        Ok(())
    }
}
