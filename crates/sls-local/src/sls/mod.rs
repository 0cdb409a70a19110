//! The face of the service: HTTP requests in, HTTP answers out.
//!
//! ```text
//! control/     what only this server has
//! request.rs   taken apart, project from the host
//! route.rs     which operation
//! auth.rs      who asks
//! api/         one file per operation
//! answer.rs    headers and body
//! ```
//!
//! [`Face::answer`] is one function without sockets or waiting. It computes for as long as
//! a query takes, so whoever has a runtime calls it where blocking is allowed.

mod answer;
mod api;
mod auth;
mod body;
mod control;
mod host;
mod packages;
mod programs;
mod request;
mod request_id;
mod route;

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request as HttpRequest, Response, header};
use sls_core::wire::headers;

pub(crate) use answer::status_code;
pub(crate) use auth::Keys;
pub(crate) use body::too_large;
pub(crate) use host::HostNames;
pub(crate) use programs::Programs;
pub(crate) use route::OPERATIONS;

use crate::arrivals::Arrivals;
use crate::clock::ServerClock;
use crate::engine::{Engine, Receipt, StorageError, unix_seconds};
use crate::fault::{Effect, Faults, Target};
use crate::growingio::{Arrival, Call, Collector};
use crate::refusal::Refusal;
use answer::Answer;
use api::Context;
use request::Request;
use request_id::RequestIds;
use route::Operation;

/// The server's time on every answer, in seconds since the Unix epoch.
const LOG_TIME: HeaderName = HeaderName::from_static("x-log-time");
const SERVER: HeaderValue = HeaderValue::from_static("sls-local");
const ANYBODY: HeaderValue = HeaderValue::from_static("*");

/// Who hands a request in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sender {
    /// Somebody on a connection, if there is one; must sign.
    Client(Option<Peer>),
    /// This program; is trusted.
    Inside,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    /// Counts the connections of a server, from 1.
    pub(crate) connection: u64,
}

impl Sender {
    fn peer(self) -> Option<Peer> {
        match self {
            Self::Client(peer) => peer,
            Self::Inside => None,
        }
    }
}

/// The service as HTTP knows it.
#[derive(Debug)]
pub(crate) struct Face {
    engine: Engine,
    keys: Keys,
    hosts: HostNames,
    region: String,
    programs: Programs,
    clock: ServerClock,
    ids: RequestIds,
    faults: Faults,
    collector: Collector,
    arrivals: Arc<Arrivals>,
}

impl Face {
    pub(crate) fn new(
        engine: Engine,
        keys: Keys,
        hosts: HostNames,
        region: String,
        programs: Programs,
        clock: ServerClock,
        collector: Collector,
    ) -> Self {
        let ids = RequestIds::new(clock.now());
        Self {
            engine,
            keys,
            hosts,
            region,
            programs,
            clock,
            ids,
            faults: Faults::default(),
            collector,
            arrivals: Arc::default(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Tells of every put that was stored.
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    pub(crate) fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// The largest body that is worth reading: a put of the largest size, made a little
    /// larger by a compression that found nothing to compress.
    pub(crate) fn max_body_bytes(&self) -> usize {
        let raw = self.engine.put_rules().max_group_bytes;
        raw.saturating_add(raw / 128).saturating_add(1024)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn collector(&self) -> &Collector {
        &self.collector
    }

    /// The answer to a request, whatever the request is, and what is to happen to it.
    pub(crate) fn answer(&self, request: HttpRequest<Bytes>, sender: Sender) -> Outcome {
        if let Some(call) = Call::of(request.method(), request.uri(), request.headers()) {
            return self.collect(call, request, sender);
        }
        let now = self.clock.now();
        let head = request.method() == Method::HEAD;
        let mut turn = Turn {
            now,
            told: now,
            fault: None,
        };
        // One request must not take the others down; what it changed, it changed whole.
        let perform = AssertUnwindSafe(|| self.perform(request, sender, &mut turn));
        let result = catch_unwind(perform).unwrap_or_else(|_| {
            let message = "the server failed to answer this request";
            Err(Refusal::internal("InternalServerError", message))
        });
        let mut answer = result.unwrap_or_else(Answer::from);
        Outcome {
            pending: answer.receipt.take().map(Pending::Stored),
            response: self.finish(answer, head, turn.told),
            fault: turn.fault,
        }
    }

    /// The outcome once what it says is true, or what is true instead.
    ///
    /// # Cancel safety
    /// Dropping the future drops the answer; what is being written is written.
    pub(crate) async fn settle(&self, mut outcome: Outcome) -> Outcome {
        let Some(pending) = outcome.pending.take() else {
            return outcome;
        };
        let (result, caller) = match pending {
            Pending::Stored(receipt) => (receipt.settled().await, Caller::Client),
            Pending::Collected(receipt) => (receipt.settled().await, Caller::Tracker),
        };
        self.settled(outcome, result, caller)
    }

    /// The same on this thread.
    pub(crate) fn settle_now(&self, mut outcome: Outcome) -> Outcome {
        let (result, caller) = match outcome.pending.take() {
            None => return outcome,
            Some(Pending::Stored(receipt)) => (receipt.wait(), Caller::Client),
            Some(Pending::Collected(receipt)) => (receipt.wait(), Caller::Tracker),
        };
        self.settled(outcome, result, caller)
    }

    fn settled(
        &self,
        mut outcome: Outcome,
        result: Result<(), StorageError>,
        caller: Caller,
    ) -> Outcome {
        match (result, caller) {
            (Ok(()), _) => {}
            (Err(error), Caller::Client) => outcome.response = self.refuse(error.into()),
            (Err(error), Caller::Tracker) => {
                outcome.response = self.refuse_to_collect(&error.into());
            }
        }
        outcome
    }

    /// Writes what is waiting and lets go of the storage. Blocks.
    pub(crate) fn close(&self) {
        self.engine.close();
    }

    /// The answer to a request that was not read to its end.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Response<Bytes> {
        self.finish(Answer::from(refusal), false, self.clock.now())
    }

    /// The same for a request to the collector.
    pub(crate) fn refuse_to_collect(&self, refusal: &Refusal) -> Response<Bytes> {
        dated(Collector::refuse_unread(refusal), self.clock.now())
    }

    fn collect(&self, call: Call, request: HttpRequest<Bytes>, sender: Sender) -> Outcome {
        let received = self.clock.now();
        let target = call.target(request.body().len());
        let now = shifted(received, self.faults.offset_ms(target));
        let fault = self.faults.take(target, received);
        let arrival = Arrival {
            received,
            now,
            connection: sender.peer().map(|peer| peer.connection),
        };
        let (response, receipt) = self
            .collector
            .answer(call, request, arrival, fault.as_ref());
        Outcome {
            response: dated(response, now),
            fault,
            pending: receipt.map(Pending::Collected),
        }
    }

    fn perform(
        &self,
        request: HttpRequest<Bytes>,
        sender: Sender,
        turn: &mut Turn,
    ) -> Result<Answer, Refusal> {
        let (parts, body) = request.into_parts();
        let peer = sender.peer().map(|peer| peer.ip);
        let request = Request::new(parts, body, peer, &self.hosts)?;
        if let Some(answer) = control::answer(self, &request, sender) {
            return answer;
        }
        let operation = Operation::of(&request);
        if let Ok(operation) = operation {
            let offset = self.faults.offset_ms(target(&request, operation));
            turn.told = shifted(turn.now, offset);
        }
        let is_anonymous = operation.as_ref().is_ok_and(Operation::is_anonymous);
        // Who may not ask at all is not told whether the question made sense.
        if let (Sender::Client(_), false) = (sender, is_anonymous) {
            check_version(&request)?;
            self.keys.verify(&request, turn.told)?;
        }
        let operation = operation?;
        let target = target(&request, operation);
        turn.fault = self.faults.take(target, turn.now);
        if let Some(answer) = turn.fault.as_ref().and_then(Answer::scripted) {
            return Ok(answer);
        }
        let context = Context {
            face: self,
            request: &request,
            now: turn.now,
            target,
        };
        api::perform(&context, operation)
    }

    /// Adds what every answer has.
    fn finish(&self, answer: Answer, head: bool, now: SystemTime) -> Response<Bytes> {
        let id = self.ids.next(now);
        let mut answer = answer
            .with(headers::REQUEST_ID, id)
            .with(LOG_TIME, unix_seconds(now));
        if !answer.private {
            let origin = header::ACCESS_CONTROL_ALLOW_ORIGIN;
            answer.headers.insert(origin, ANYBODY);
        }
        let body = if head { Bytes::new() } else { answer.body };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        dated(response, now)
    }
}

/// What is found out about a request on its way through.
#[derive(Debug)]
struct Turn {
    now: SystemTime,
    /// The time that the sender is held to and told.
    told: SystemTime,
    fault: Option<Effect>,
}

/// An answer, and the trouble it is to have on its way.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) response: Response<Bytes>,
    pub(crate) fault: Option<Effect>,
    pending: Option<Pending>,
}

/// Who is told when something could not be stored.
#[derive(Debug, Clone, Copy)]
enum Caller {
    Client,
    Tracker,
}

/// What has to be safe before an answer is true.
#[derive(Debug)]
enum Pending {
    Stored(Receipt),
    Collected(Receipt),
}

impl Outcome {
    /// An answer that is true already.
    pub(crate) fn of(response: Response<Bytes>) -> Self {
        Self {
            response,
            fault: None,
            pending: None,
        }
    }
}

fn target<'a>(request: &'a Request, operation: Operation<'_>) -> Target<'a> {
    let segments = request.segments();
    let after = |name: &str| {
        let mut segments = segments.iter();
        segments.find(|segment| **segment == name)?;
        segments.next().copied()
    };
    Target {
        operation: operation.name(),
        family: None,
        project: request.project.as_deref(),
        logstore: after("logstores"),
        shard: after("shards").and_then(|shard| shard.parse().ok()),
        bytes: request.body.len(),
    }
}

/// A time by a clock that is so many milliseconds ahead; as it is when no time is so far off.
fn shifted(time: SystemTime, ahead_ms: i64) -> SystemTime {
    let by = Duration::from_millis(ahead_ms.unsigned_abs());
    let moved = if ahead_ms < 0 {
        time.checked_sub(by)
    } else {
        time.checked_add(by)
    };
    moved.unwrap_or(time)
}

/// An answer that tells when it was made, and by whom.
fn dated(mut response: Response<Bytes>, now: SystemTime) -> Response<Bytes> {
    let fields = response.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        fields.insert(header::DATE, date);
    }
    fields.insert(header::SERVER, SERVER);
    response
}

/// `Tue, 14 Nov 2023 22:13:20 GMT`; a clock outside of what four digits of a year can
/// write is shown at the nearer end.
fn http_date(time: SystemTime) -> String {
    const YEAR_10000: u64 = 253_402_300_800;
    let seconds = unix_seconds(time).min(YEAR_10000 - 1);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn check_version(request: &Request) -> Result<(), Refusal> {
    match request.header(&headers::API_VERSION) {
        Some(headers::API_VERSION_VALUE) => Ok(()),
        Some(other) => Err(Refusal::bad(
            "InvalidAPIVersion",
            format!("x-log-apiversion {other} is unsupported."),
        )),
        None => Err(Refusal::bad(
            "MissingAPIVersion",
            "x-log-apiversion does not exist in http header.",
        )),
    }
}
