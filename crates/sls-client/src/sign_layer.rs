use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use sls_core::CredentialsProvider;
use sls_core::sign::{SignableRequest, Signer};

use telemetry_delivery::{Clock, ResponseFuture, Transport, TransportError, TransportErrorKind};
use tower::{Layer, Service};

/// What is signed of a request and cannot be read back from its URI: the text before
/// percent-encoding. Travels as an extension, so that every attempt has it.
#[derive(Debug)]
pub(crate) struct Unsigned {
    pub(crate) path: String,
    pub(crate) query: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The request goes out as it is: nobody is asked for credentials.
    pub(crate) anonymous: bool,
}

/// Signs every attempt with the credentials and the time of that attempt.
#[derive(Debug, Clone)]
pub(crate) struct SignLayer {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) credentials: Arc<dyn CredentialsProvider>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<T> Layer<T> for SignLayer {
    type Service = Sign<T>;

    fn layer(&self, inner: T) -> Sign<T> {
        Sign {
            inner,
            layer: self.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Sign<T> {
    inner: T,
    layer: SignLayer,
}

impl<T: Transport> Service<Request<Bytes>> for Sign<T> {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> ResponseFuture {
        // The one that `poll_ready` made ready goes to work, its clone stays.
        let spare = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, spare);
        let layer = self.layer.clone();
        Box::pin(async move {
            layer.sign(&mut request).await?;
            inner.call(request).await
        })
    }
}

impl SignLayer {
    async fn sign(&self, request: &mut Request<Bytes>) -> Result<(), TransportError> {
        let unsigned = request.extensions().get::<Arc<Unsigned>>().cloned();
        let unsigned = unsigned.ok_or_else(|| {
            let message = "the request did not come from a client's operation";
            TransportError::new(TransportErrorKind::InvalidRequest, message)
        })?;
        if unsigned.anonymous {
            return Ok(());
        }
        let credentials = self.credentials.credentials().await.map_err(not_signed)?;
        let headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let signable = SignableRequest {
            method: request.method().as_str(),
            path: &unsigned.path,
            query: &unsigned.query,
            headers: &headers,
            body: request.body(),
        };
        let signature = self
            .signer
            .sign(&signable, &credentials, self.clock.now())
            .map_err(not_signed)?;
        for (name, value) in signature {
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

fn not_signed(cause: impl std::error::Error + Send + Sync + 'static) -> TransportError {
    let message = "the request could not be signed";
    TransportError::new(TransportErrorKind::InvalidRequest, message)
        .with_source(Box::new(cause) as sls_core::BoxError)
}
