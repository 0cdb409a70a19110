//! The recorder of a case, played without a socket: answers from the script, and remembers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use telemetry_delivery::{TransportError, TransportErrorKind};
use tokio::time::{Instant, sleep};

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) request: Request<Bytes>,
    pub(super) at: Instant,
    /// Whether it was answered with a status of 200 to 299.
    pub(super) accepted: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    script: VecDeque<Value>,
    seen: Vec<Seen>,
}

impl Server {
    pub(super) fn new(case: &Value) -> Self {
        let script = case["server_script"].as_array().cloned();
        Self(Arc::new(Mutex::new(Inner {
            script: script.unwrap_or_default().into(),
            seen: Vec::new(),
        })))
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.with(|inner| inner.seen.clone())
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After its last entry, the script goes on with 200 and an empty body.
    pub(super) async fn answer(
        self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let script = self.with(|inner| {
            let script = inner.script.pop_front().unwrap_or_default();
            let status = script["status"].as_u64().unwrap_or(200);
            let closed = script["close"] == true;
            inner.seen.push(Seen {
                request,
                at: Instant::now(),
                accepted: !closed && (200..300).contains(&status),
            });
            script
        });
        sleep(Duration::from_millis(
            script["delay_ms"].as_u64().unwrap_or(0),
        ))
        .await;
        if script["close"] == true {
            let kind = TransportErrorKind::Closed;
            return Err(TransportError::new(
                kind,
                "the script closes the connection",
            ));
        }
        let status = script["status"].as_u64().unwrap_or(200);
        let mut answer = Response::builder().status(u16::try_from(status).unwrap_or(500));
        for (name, value) in script["headers"].as_object().into_iter().flatten() {
            answer = answer.header(name, value.as_str().unwrap_or_default());
        }
        let body = script["body"].as_str().unwrap_or_default().to_owned();
        answer.body(Bytes::from(body)).map_err(|cause| {
            TransportError::new(TransportErrorKind::Other, "the script is broken")
                .with_source(cause)
        })
    }
}
