//! One connection: what a client may take its time for, and how much it may send.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::drip::DripBody;
use crate::growingio::Call;
use crate::refusal::Refusal;
use crate::service::{Cut, Disturbed, LocalService};
use crate::sls::Peer;

/// The longest request line with headers. A query of SPL has at most 10 KB, three times
/// that when every byte is percent-encoded.
const MAX_HEAD: usize = 128 << 10;
/// The most headers; the official clients send about 15.
const MAX_HEADERS: usize = 100;
/// A body that is too large is read to its end, so that the client gets to see the answer,
/// unless it is so many times too large.
const DRAINED: usize = 8;

/// The bodies in memory at a time: 256 MiB, some 25 of the largest.
const BODIES_KIB: u32 = 256 << 10;

/// What one server allows its clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) head_timeout: Duration,
    pub(super) body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// Room for the bodies that are being read, all connections together. Clones share it.
///
/// A body waits for room before it is read, within the time it is given anyway.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_KIB as usize)))
    }
}

impl Bodies {
    /// Room for so many bytes, given back when the permit is dropped.
    async fn room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        self.0.acquire_many(kib.min(BODIES_KIB)).await.ok()
    }
}

/// Serves a connection until it ends, or until its request in flight is answered once
/// `stopped` becomes true.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    peer: Peer,
    service: LocalService,
    limits: Limits,
    bodies: Bodies,
    mut stopped: watch::Receiver<bool>,
) {
    let answer = service_fn(|request| {
        let (service, bodies) = (service.clone(), bodies.clone());
        async move { answer(request, peer, &service, limits, &bodies).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told_to_stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Returns when the server is to stop; a handle that is gone means the same.
pub(super) async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    service: &LocalService,
    limits: Limits,
    bodies: &Bodies,
) -> Result<Response<DripBody>, Cut> {
    let (parts, body) = request.into_parts();
    let limit = service.face().max_body_bytes();
    let caller = Caller::of(&parts);
    let length = match body.size_hint().exact() {
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX).min(limit),
        // What may be of any length may be of the largest.
        None if caller == Caller::Tracker => limit,
        None => 0,
    };
    // Held until the request is answered, and so for as long as the body is in memory.
    let room = bodies.room(length);
    let Ok(_room) = tokio::time::timeout(limits.body_timeout, room).await else {
        let refusal = Refusal::busy("too many bodies are being read");
        return Ok(refuse(service, caller, refusal));
    };
    match read_body(body, caller, limit, limits.body_timeout).await {
        Ok(body) => {
            let request = Request::from_parts(parts, body);
            let Disturbed { response, pace } = service.answer_client(request, peer).await?;
            Ok(response.map(|body| DripBody::new(body, pace)))
        }
        Err(refusal) => Ok(refuse(service, caller, refusal)),
    }
}

/// Which of the two services a request is for, as far as its body matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// A client of SLS, which announces the length of a body.
    Client,
    /// A tracker of GrowingIO, which need not.
    Tracker,
}

impl Caller {
    fn of(parts: &Parts) -> Self {
        match Call::of(&parts.method, &parts.uri, &parts.headers) {
            Some(_) => Self::Tracker,
            None => Self::Client,
        }
    }
}

/// The answer to a request whose body was not read to its end.
fn refuse(service: &LocalService, caller: Caller, refusal: Refusal) -> Response<DripBody> {
    let mut response = match caller {
        Caller::Client => service.face().refuse(refusal),
        Caller::Tracker => service.face().refuse_to_collect(&refusal),
    };
    // What is left of the body must not be taken for another request.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response.map(|body| DripBody::new(body, None))
}

/// The whole body, within limits that hold before it is read.
async fn read_body(
    body: Incoming,
    caller: Caller,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Refusal> {
    let announced = match (body.size_hint().exact(), caller) {
        (Some(length), _) => usize::try_from(length).unwrap_or(usize::MAX),
        (None, Caller::Tracker) => 0,
        // A body of unknown length is chunked; SLS wants to know.
        (None, Caller::Client) => return Err(Refusal::without_length()),
    };
    if announced / DRAINED > limit {
        return Err(crate::sls::too_large(announced, limit));
    }
    match tokio::time::timeout(timeout, collect(body, announced, limit)).await {
        Ok(Ok(Collected {
            body: Some(body), ..
        })) => Ok(body),
        Ok(Ok(Collected { bytes, .. })) => Err(crate::sls::too_large(bytes, limit)),
        Ok(Err(_)) => Err(Refusal::bad("BadRequest", "the body ended early")),
        Err(_) => Err(Refusal::internal(
            "RequestTimeout",
            format!("the body did not arrive within {timeout:?}"),
        )),
    }
}

/// What came of a body.
struct Collected {
    /// `None` when it is too large to be kept.
    body: Option<Bytes>,
    /// How much was read.
    bytes: usize,
}

/// Reads to the end, or far enough to know that there is no end worth waiting for, and keeps
/// what is not too large.
async fn collect(
    mut body: Incoming,
    announced: usize,
    limit: usize,
) -> Result<Collected, hyper::Error> {
    // Grows with what really comes, so a large announcement alone costs nothing.
    let mut kept = Vec::with_capacity(announced.min(limit).min(64 << 10));
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        bytes += data.len();
        if bytes.max(announced) <= limit {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
        if bytes / DRAINED > limit {
            break;
        }
    }
    // Without spare room: an uncompressed group is stored as it arrived.
    let fits = bytes.max(announced) <= limit;
    let body = fits.then(|| Bytes::from(kept.into_boxed_slice()));
    Ok(Collected {
        body,
        bytes: bytes.max(announced),
    })
}
