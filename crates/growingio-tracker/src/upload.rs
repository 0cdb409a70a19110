use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use growingio_codecs::{Batch, Codec, Encoded, Route, Serialized};
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request};
use telemetry_delivery::{Attempts, BoxTransport, Clock, RetryLayer};
use tower::{Layer as _, ServiceExt as _};

use crate::attempt::AttemptLimit;
use crate::counts::Counters;
use crate::error::Error;
use crate::redirect::Redirect;
use crate::server::Server;

/// Turns batches into requests, and carries them to the collector.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) server: Server,
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) retry: RetryLayer,
    pub(crate) request_timeout: Duration,
    pub(crate) counters: Arc<Counters>,
}

/// What every request says about who sends it.
const AGENT: &str = concat!("growingio-tracker-rust/", env!("CARGO_PKG_VERSION"));

impl Upload {
    /// Encodes a batch that is sent now. The request is good for any number of attempts.
    pub(crate) fn encode(&self, batch: &Batch<'_>) -> Result<Encoded, Error> {
        let encoded = self.codec.encode(batch, self.clock.now());
        encoded.map_err(|cause| Error::Encode {
            route: batch.route(),
            cause,
        })
    }

    /// The same for records that were serialised before.
    pub(crate) fn encode_serialized(&self, records: Serialized) -> Result<Encoded, Error> {
        let route = records.route();
        let encoded = self.codec.encode_serialized(records, self.clock.now());
        encoded.map_err(|cause| Error::Encode { route, cause })
    }

    pub(crate) fn address(&self, encoded: &Encoded, product_id: &str) -> String {
        self.server.uri(encoded, product_id)
    }

    pub(crate) fn request(&self, encoded: Encoded, product_id: &str) -> Request<Bytes> {
        let mut request = Request::post(self.address(&encoded, product_id))
            .body(Bytes::from(encoded.body))
            .expect("the address was read before, the product id is encoded, and both are short");
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let content_type = HeaderValue::from_static(encoded.content_type);
        headers.insert(CONTENT_TYPE, content_type);
        for (name, value) in encoded.headers {
            // A codec of the user's own may name what no header can be.
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        if let Some(authorization) = self.server.authorization() {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }

    /// Sends a request until it is accepted, refused, or not worth another attempt.
    pub(crate) async fn send(
        &self,
        transport: BoxTransport,
        route: Route,
        request: Request<Bytes>,
    ) -> Result<(), Error> {
        let attempt = AttemptLimit {
            inner: Redirect(transport),
            limit: self.request_timeout,
        };
        let outcome = self.retry.layer(attempt).oneshot(request).await;
        let attempts = match &outcome {
            Ok(answer) => answer.extensions().get().map_or(1, |Attempts(n)| *n),
            Err(error) => error.attempts(),
        };
        self.counters.requests(attempts);
        match outcome {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(Error::Refused {
                route,
                status: answer.status().as_u16(),
                attempts,
            }),
            Err(cause) => Err(Error::Unanswered { route, cause }),
        }
    }
}
