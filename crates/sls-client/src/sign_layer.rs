use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::DATE;
use http::{Request, Response, StatusCode};
use sls_core::sign::{SignableRequest, Signer};
use sls_core::{Credentials, CredentialsProvider, RetryClass};
use telemetry_delivery::{Clock, ResponseFuture, Transport, TransportError, TransportErrorKind};
use tower::{Layer, Service};

use crate::classify::refusal_class;
use crate::clock_offset::ClockOffset;

/// What is signed of a request and cannot be read back from its URI: the text before
/// percent-encoding. Travels as an extension, so that every attempt has it.
#[derive(Debug)]
pub(crate) struct Unsigned {
    pub(crate) path: String,
    pub(crate) query: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The request goes out as it is: nobody is asked for credentials.
    pub(crate) anonymous: bool,
    /// Whether the credentials were renewed for this call already; all its attempts share it.
    pub(crate) renewed: AtomicBool,
}

/// Marks an answer that refused the signature's time or key, when there is a better one now:
/// an attempt that signs again can succeed at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignAgain;

/// Signs every attempt with the credentials and the time of that attempt.
///
/// Reads every answer, too: what it says about the time and the key is used for the next
/// attempt.
#[derive(Debug, Clone)]
pub(crate) struct SignLayer {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) credentials: Arc<dyn CredentialsProvider>,
    pub(crate) clock: Arc<dyn Clock>,
    /// `None` where the clock must not be corrected.
    pub(crate) clock_offset: Option<Arc<ClockOffset>>,
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
            let signed = layer.sign(&mut request).await?;
            let mut response = inner.call(request).await?;
            if let Some(signed) = signed {
                if layer.learn(&signed, &response).await {
                    response.extensions_mut().insert(SignAgain);
                }
            }
            Ok(response)
        })
    }
}

/// What an attempt was signed with.
struct Signed {
    credentials: Credentials,
    time: SystemTime,
    unsigned: Arc<Unsigned>,
}

impl SignLayer {
    /// `None` for an anonymous request, which nobody signs.
    async fn sign(&self, request: &mut Request<Bytes>) -> Result<Option<Signed>, TransportError> {
        let unsigned = request.extensions().get::<Arc<Unsigned>>().cloned();
        let unsigned = unsigned.ok_or_else(|| {
            let message = "the request did not come from a client's operation";
            TransportError::new(TransportErrorKind::InvalidRequest, message)
        })?;
        if unsigned.anonymous {
            return Ok(None);
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
        let now = self.clock.now();
        let offset = self.clock_offset.as_deref();
        let time = offset.map_or(now, |offset| offset.correct(now));
        let signature = self
            .signer
            .sign(&signable, &credentials, time)
            .map_err(not_signed)?;
        for (name, value) in signature {
            request.headers_mut().insert(name, value);
        }
        Ok(Some(Signed {
            credentials,
            time,
            unsigned,
        }))
    }

    /// Whether an attempt that signs again can succeed at once.
    async fn learn(&self, signed: &Signed, response: &Response<Bytes>) -> bool {
        if response.status() == StatusCode::OK {
            self.unlearn_offset(response);
            return false;
        }
        match refusal_class(response) {
            RetryClass::ClockSkew => self.learn_offset(signed, response),
            // Once for a call: the second refusal is about what the key may do.
            RetryClass::Credentials if !signed.unsigned.renewed.swap(true, Ordering::Relaxed) => {
                self.credentials.refused(&signed.credentials);
                let now = self.credentials.credentials().await;
                now.is_ok_and(|now| !now.is_same_key(&signed.credentials))
            }
            _ => false,
        }
    }

    fn learn_offset(&self, signed: &Signed, response: &Response<Bytes>) -> bool {
        let (Some(offset), Some(service)) = (&self.clock_offset, service_time(response)) else {
            return false;
        };
        let again = offset.learn(self.clock.now(), signed.time, service);
        if again {
            tracing::warn!("the service refused the time; signing with the service's from now on");
        }
        again
    }

    /// Costs a call something only while times are being corrected.
    fn unlearn_offset(&self, response: &Response<Bytes>) {
        let Some(offset) = self.clock_offset.as_deref().filter(|o| o.is_known()) else {
            return;
        };
        if let Some(service) = service_time(response) {
            offset.unlearn(self.clock.now(), service);
        }
    }
}

/// The service's clock, to the second: from `Date`, or `x-log-time` where a proxy took it.
fn service_time(response: &Response<Bytes>) -> Option<SystemTime> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let date = header(DATE.as_str()).and_then(|text| httpdate::parse_http_date(text).ok());
    date.or_else(|| {
        let seconds = header("x-log-time")?.parse::<u32>().ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(seconds)))
    })
}

fn not_signed(cause: impl std::error::Error + Send + Sync + 'static) -> TransportError {
    let message = "the request could not be signed";
    TransportError::new(TransportErrorKind::InvalidRequest, message)
        .with_source(Box::new(cause) as sls_core::BoxError)
}
