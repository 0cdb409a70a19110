//! One connection: what a client may take its time for, and how much it may send.

use std::pin::pin;
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
use tokio::sync::watch;

use super::answer_body::AnswerBody;
use super::impatient::Impatient;
use super::in_flight::InFlight;
use super::room::Room;
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
const BODIES: usize = 256 << 20;
/// The same for answers that are not yet read.
const ANSWERS: usize = 256 << 20;
/// What an answer that may be large is expected to take, before it is known: a pull of the
/// usual size. What it really takes is counted afterwards.
const EXPECTED: usize = 16 << 20;

/// What one server allows its clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) head_timeout: Duration,
    pub(super) body_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) body_bytes: usize,
    pub(super) answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            body_bytes: BODIES,
            answer_bytes: ANSWERS,
        }
    }
}

/// Memory for bodies and answers, all connections together. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    /// A body waits for room before it is read, within the time it is given anyway.
    bodies: Room,
    /// An answer that may be large waits for room before it is made.
    answers: Room,
}

impl Memory {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            bodies: Room::new(limits.body_bytes),
            answers: Room::new(limits.answer_bytes),
        }
    }
}

/// Serves a connection until it ends, or until its request in flight is answered once
/// `stopped` becomes true.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    peer: Peer,
    service: LocalService,
    limits: Limits,
    memory: Memory,
    mut stopped: watch::Receiver<bool>,
) {
    let in_flight = InFlight::new();
    let answer = service_fn(|request| {
        let (service, memory) = (service.clone(), memory.clone());
        let busy = in_flight.begin();
        async move {
            let response = answer(request, peer, &service, limits, &memory).await?;
            Ok::<_, Cut>(response.map(|body| body.answering(busy)))
        }
    });
    let stream = Impatient::new(stream, limits.write_timeout);
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
            // Half a head is no request, and the rest of it may never come.
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = in_flight.none() => Ok(()),
            }
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
    memory: &Memory,
) -> Result<Response<AnswerBody>, Cut> {
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
    let room = memory.bodies.take(length);
    let Some(_room) = within(limits.body_timeout, room).await else {
        let refusal = Refusal::busy("too many bodies are being read");
        return Ok(refuse(service, caller, refusal));
    };
    match read_body(body, caller, limit, limits.body_timeout).await {
        Ok(body) => {
            let request = Request::from_parts(parts, body);
            match respond(request, peer, service, limits, &memory.answers).await {
                Ok(response) => Ok(response),
                Err(NoAnswer::Cut(cut)) => Err(cut),
                Err(NoAnswer::Refused(refusal)) => Ok(refuse(service, caller, refusal)),
            }
        }
        Err(refusal) => Ok(refuse(service, caller, refusal)),
    }
}

/// Why a request that was read to its end has no answer.
enum NoAnswer {
    Cut(Cut),
    Refused(Refusal),
}

impl From<Cut> for NoAnswer {
    fn from(cut: Cut) -> Self {
        Self::Cut(cut)
    }
}

/// The answer, in the room that it takes.
async fn respond(
    request: Request<Bytes>,
    peer: Peer,
    service: &LocalService,
    limits: Limits,
    answers: &Room,
) -> Result<Response<AnswerBody>, NoAnswer> {
    let full = || NoAnswer::Refused(Refusal::busy("too many answers are waiting to be read"));
    let mut room = None;
    if may_answer_much(&request) {
        let expected = within(limits.write_timeout, answers.take(EXPECTED)).await;
        room = Some(expected.ok_or_else(full)?);
    }
    let answer = service.answer_client(request, peer).await?;
    if let Some(expected) = room {
        let fit = answers.fit(expected, answer.response.body().len());
        room = Some(within(limits.write_timeout, fit).await.ok_or_else(full)?);
    }
    // Only now, since an answer that waits on request should not hold more than it takes.
    let Disturbed { response, pace, .. } = answer.wait().await;
    Ok(response.map(|body| AnswerBody::new(body).at_pace(pace).in_room(room)))
}

/// Whether the answer may be too large to go uncounted: logs, or what was tracked.
fn may_answer_much(request: &Request<Bytes>) -> bool {
    let (path, query) = (request.uri().path(), request.uri().query());
    let query = query.unwrap_or_default();
    path.ends_with("/logs")
        || path.starts_with("/_local/growingio/")
        || ["type=log", "type=context_log", "type=topic"]
            .iter()
            .any(|kind| query.contains(kind))
}

async fn within<T>(time: Duration, room: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(time, room).await.ok().flatten()
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
fn refuse(service: &LocalService, caller: Caller, refusal: Refusal) -> Response<AnswerBody> {
    let mut response = match caller {
        Caller::Client => service.face().refuse(refusal),
        Caller::Tracker => service.face().refuse_to_collect(&refusal),
    };
    // What is left of the body must not be taken for another request.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response.map(AnswerBody::new)
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
