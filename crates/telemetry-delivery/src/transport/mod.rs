//! One attempt: a request out, an answer in.
//!
//! ```text
//!   http::Request<Bytes>  -->  Transport  -->  http::Response<Bytes>
//!                                |        or   TransportError
//!            HttpsTransport, ScriptedTransport, yours
//! ```
//!
//! Any status is an answer: a 503 is `Ok`, and only what kept an answer from arriving is
//! an error.

mod error;
#[cfg(feature = "https")]
mod https;
#[cfg(any(test, feature = "test-util"))]
mod scripted;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tower::Service;
use tower::util::BoxCloneSyncService;

pub use error::{BodyErrorKind, ProxyErrorKind, TimeoutKind, TransportError, TransportErrorKind};
#[cfg(feature = "https")]
pub use https::{HttpsConfig, HttpsTransport};
#[cfg(any(test, feature = "test-util"))]
pub use scripted::{Reply, ScriptedTransport};

/// Carries one request to its server and brings the whole answer back. Generic.
///
/// An alias: every tower service over `http` types that fails with [`TransportError`] is
/// one, so `T: Transport` is all a generic has to say and any tower middleware that keeps
/// the error type fits in front.
///
/// Cloning is cheap and clones share what is worth sharing, such as connections.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use telemetry_delivery::{Transport, TransportError};
///
/// fn takes_any(_: impl Transport) {}
///
/// takes_any(tower::service_fn(async |_: Request<Bytes>| {
///     Ok::<_, TransportError>(Response::new(Bytes::from_static(b"hello")))
/// }));
/// ```
pub trait Transport:
    Service<
        Request<Bytes>,
        Response = Response<Bytes>,
        Error = TransportError,
        Future: Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Transport for T where
    T: Service<
            Request<Bytes>,
            Response = Response<Bytes>,
            Error = TransportError,
            Future: Send + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// What the transports of this crate return from `call`.
///
/// # Cancel safety
/// Dropping it ends the exchange; the server may or may not have acted on the request.
pub type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send>>;

/// Any transport behind one type, for when a type parameter is in the way.
///
/// Costs one allocation per request.
#[derive(Clone)]
pub struct BoxTransport(BoxCloneSyncService<Request<Bytes>, Response<Bytes>, TransportError>);

impl BoxTransport {
    /// Hides the type of `transport`.
    pub fn new(transport: impl Transport) -> Self {
        Self(BoxCloneSyncService::new(transport))
    }
}

impl Service<Request<Bytes>> for BoxTransport {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> ResponseFuture {
        self.0.call(request)
    }
}

impl fmt::Debug for BoxTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxTransport").finish_non_exhaustive()
    }
}

const _: fn() = || {
    fn is_transport<T: Transport>() {}
    is_transport::<BoxTransport>();
};
