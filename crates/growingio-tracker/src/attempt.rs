use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use telemetry_delivery::{
    ResponseFuture, TimeoutKind, Transport, TransportError, TransportErrorKind,
};
use tokio::time::timeout;
use tower::Service;

/// Ends an attempt that takes too long, whatever carries it.
#[derive(Debug, Clone)]
pub(crate) struct AttemptLimit<T> {
    pub(crate) inner: T,
    pub(crate) limit: Duration,
}

impl<T: Transport> Service<Request<Bytes>> for AttemptLimit<T> {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> ResponseFuture {
        let limit = self.limit;
        let attempt = self.inner.call(request);
        Box::pin(async move {
            timeout(limit, attempt).await.unwrap_or_else(|_| {
                let kind = TransportErrorKind::Timeout(TimeoutKind::Attempt);
                let message = format!("no complete answer within {limit:?}");
                Err(TransportError::new(kind, message))
            })
        })
    }
}
