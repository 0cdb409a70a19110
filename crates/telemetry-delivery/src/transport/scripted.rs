use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower::Service;

use super::{ResponseFuture, TransportError, TransportErrorKind};

/// Answers from a script and remembers what it was asked, for tests.
///
/// Each request takes the next [`Reply`]; a request too many is answered with an error that
/// says so. Clones share the script and the memory.
///
/// ```
/// # #[cfg(feature = "test-util")] {
/// use bytes::Bytes;
/// use http::{Request, StatusCode};
/// use telemetry_delivery::{Reply, ScriptedTransport};
/// use tower::ServiceExt;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let transport = ScriptedTransport::new([Reply::status(StatusCode::NOT_FOUND)]);
/// let request = Request::get("http://example.test/a").body(Bytes::new()).unwrap();
/// let answer = transport.clone().oneshot(request).await.unwrap();
/// assert_eq!(answer.status(), 404);
/// assert_eq!(transport.requests()[0].uri().path(), "/a");
/// # });
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedTransport {
    // Held for a moment at a time, never across an await.
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    requests: Vec<Request<Bytes>>,
    abandoned: usize,
}

/// What a [`ScriptedTransport`] does with one request.
#[derive(Debug, Clone)]
pub struct Reply {
    after: Duration,
    // `None` never comes.
    outcome: Option<Result<Response<Bytes>, TransportError>>,
}

impl Reply {
    /// Answers with `response`.
    #[must_use]
    pub fn response(response: Response<Bytes>) -> Self {
        Self {
            after: Duration::ZERO,
            outcome: Some(Ok(response)),
        }
    }

    /// Answers with `status`, no headers and no body.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Self::response(response)
    }

    /// Fails with `error`.
    #[must_use]
    pub fn error(error: TransportError) -> Self {
        Self {
            after: Duration::ZERO,
            outcome: Some(Err(error)),
        }
    }

    /// Never answers.
    #[must_use]
    pub fn never() -> Self {
        Self {
            after: Duration::ZERO,
            outcome: None,
        }
    }

    /// The same, `delay` later on tokio's timer. Default: at once.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }
}

impl ScriptedTransport {
    /// Will answer with `replies`, in order.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script {
            replies: replies.into_iter().collect(),
            ..Script::default()
        };
        Self {
            script: Arc::new(Mutex::new(script)),
        }
    }

    /// Adds a reply to the end of the script.
    pub fn push(&self, reply: Reply) {
        self.script().replies.push_back(reply);
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.script().requests.clone()
    }

    /// How many replies have not been asked for.
    #[must_use]
    pub fn replies_left(&self) -> usize {
        self.script().replies.len()
    }

    /// How many requests were dropped before their reply came.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.script().abandoned
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Request<Bytes>> for ScriptedTransport {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> ResponseFuture {
        let reply = {
            let mut script = self.script();
            script.requests.push(request);
            let nth = script.requests.len();
            script.replies.pop_front().unwrap_or_else(|| {
                Reply::error(TransportError::new(
                    TransportErrorKind::Other,
                    format!("the script has no reply for request {nth}"),
                ))
            })
        };
        let pending = Pending {
            transport: self.clone(),
            answered: false,
        };
        Box::pin(async move {
            if !reply.after.is_zero() {
                tokio::time::sleep(reply.after).await;
            }
            let outcome = match reply.outcome {
                Some(outcome) => outcome,
                None => std::future::pending().await,
            };
            pending.finish();
            outcome
        })
    }
}

/// Notices a future that is dropped before it was done.
struct Pending {
    transport: ScriptedTransport,
    answered: bool,
}

impl Pending {
    fn finish(mut self) {
        self.answered = true;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered {
            self.transport.script().abandoned += 1;
        }
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.script();
        f.debug_struct("ScriptedTransport")
            .field("replies_left", &script.replies.len())
            .field("requests", &script.requests.len())
            .field("abandoned", &script.abandoned)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    fn request(path: &'static str) -> Request<Bytes> {
        let uri = http::Uri::builder()
            .scheme("http")
            .authority("example.test")
            .path_and_query(path)
            .build();
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri.unwrap();
        request
    }

    #[tokio::test]
    async fn a_request_too_many_is_told_so() {
        let transport = ScriptedTransport::new([]);
        let error = transport.clone().oneshot(request("/a")).await.unwrap_err();
        assert_eq!(error.to_string(), "the script has no reply for request 1");
        assert_eq!(transport.requests().len(), 1);
    }

    #[tokio::test]
    async fn replies_come_in_order_and_requests_are_kept() {
        let transport = ScriptedTransport::new([Reply::status(StatusCode::OK)]);
        transport.push(Reply::status(StatusCode::NOT_FOUND));
        for (path, want) in [("/a", 200), ("/b", 404)] {
            let answer = transport.clone().oneshot(request(path)).await.unwrap();
            assert_eq!(answer.status(), want);
        }
        let asked: Vec<_> = transport
            .requests()
            .iter()
            .map(|request| request.uri().path().to_owned())
            .collect();
        assert_eq!(asked, ["/a", "/b"]);
        assert_eq!(transport.replies_left(), 0);
        assert_eq!(transport.abandoned(), 0);
    }

    #[tokio::test]
    async fn a_dropped_request_is_counted_as_abandoned() {
        let transport = ScriptedTransport::new([Reply::never()]);
        drop(transport.clone().call(request("/a")));
        assert_eq!(transport.abandoned(), 1);
    }
}
