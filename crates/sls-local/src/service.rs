//! The service without a socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use sls_core::api::{ApiReply, CreateLogstore, CreateProject, Operation};
use sls_core::model::LogstoreConfig;
use sls_core::wire::headers;
use tokio::sync::Semaphore;

use crate::fault::{Effect, Fault, FaultId};
use crate::growingio::GrowingIo;
use crate::logstore::LocalLogstore;
use crate::refusal::Refusal;
use crate::sls::{Face, Outcome, Peer, Sender};

/// A request with a larger body is worked on where blocking is allowed.
const LARGE_BODY: usize = 64 << 10;
/// The same for one that is so large before compression.
const LARGE_RAW: usize = 1 << 20;

/// So many requests at a time may wait for a disk.
const WAITING: usize = 64;

/// The service inside this process: the same decisions as behind a socket, without one.
///
/// Clones are the same service. It needs a tokio runtime, whose pool of blocking threads
/// does what takes long.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sls_core::model::{CursorPosition, LogstoreConfig, ShardId};
/// use sls_core::service::{LogSink as _, Pull, ShardReader as _};
/// use sls_core::wire::{GroupEncoder, GroupMeta};
/// use sls_local::LocalServer;
///
/// let service = LocalServer::builder().into_service();
/// service.create_project("shop").await?;
/// service.create_logstore("shop", LogstoreConfig::named("orders").with_shard_count(1)).await?;
///
/// let logstore = service.logstore("shop", "orders");
/// let mut group = GroupEncoder::new();
/// group.log(1_700_000_000).field("amount", "7");
/// logstore.put_logs(&group.finish(&GroupMeta::default())).await?;
///
/// let shard = ShardId(0);
/// let cursor = logstore.cursor(shard, CursorPosition::Begin).await?;
/// let pull = Pull { shard, cursor, count: 10, end_cursor: None, processing: None };
/// assert_eq!(logstore.pull(pull).await?.log_count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LocalService {
    face: Arc<Face>,
    /// Twice as many long computations at a time as there are processors: enough to keep
    /// them busy, few enough to share them.
    long: Arc<Semaphore>,
    /// The same for requests that are short, where a disk may keep them waiting.
    short: Arc<Semaphore>,
}

impl LocalService {
    pub(crate) fn new(face: Face) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            face: Arc::new(face),
            long: Arc::new(Semaphore::new(2 * processors)),
            short: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Answers one HTTP request as a client on a connection would have it, signature
    /// checked.
    ///
    /// Where a fault would cut the connection, there is none to cut: the answer is 503
    /// `ServerBusy` then.
    ///
    /// # Cancel safety
    /// Dropping the future drops the answer; whether the request was acted on is open.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self.answer(request, Sender::Client(None)).await {
            Ok(disturbed) => disturbed.wait().await.response,
            Err(Cut) => self
                .face
                .refuse(Refusal::busy("the connection was cut on request")),
        }
    }

    /// Performs an operation for this program, which needs no key.
    ///
    /// # Errors
    /// [`sls_core::Error::Service`] when the service refuses, as behind a socket.
    ///
    /// # Cancel safety
    /// Dropping the future drops the answer; whether the operation was performed is open.
    pub async fn perform<O: Operation>(&self, operation: &O) -> Result<O::Reply, sls_core::Error> {
        let request = inside_request(operation)?;
        let answer = self.answer(request, Sender::Inside).await;
        let answer = match answer {
            Ok(disturbed) => Ok(disturbed.wait().await.response),
            Err(cut) => Err(cut),
        };
        read_inside(operation, answer)
    }

    /// Performs an operation for this program, on this thread and at once: no runtime is
    /// needed, and what a fault delays is not delayed. With a data folder it blocks.
    ///
    /// For simulations, in which nothing may depend on the order in which threads run.
    ///
    /// # Errors
    /// As [`perform`](Self::perform).
    pub fn perform_now<O: Operation>(&self, operation: &O) -> Result<O::Reply, sls_core::Error> {
        let outcome = self.face.answer(inside_request(operation)?, Sender::Inside);
        let outcome = self.face.settle_now(outcome);
        let answer = match outcome.fault {
            Some(Effect::CutBefore | Effect::CutAfter) => Err(Cut),
            _ => Ok(outcome.response),
        };
        read_inside(operation, answer)
    }

    /// Makes a project.
    ///
    /// # Errors
    /// As [`perform`](Self::perform); `ProjectAlreadyExist` when there is one of this name.
    pub async fn create_project(&self, name: &str) -> Result<(), sls_core::Error> {
        self.perform(&CreateProject::new(name, "")).await
    }

    /// Makes a logstore.
    ///
    /// # Errors
    /// As [`perform`](Self::perform); `LogStoreAlreadyExist` when there is one of this name.
    pub async fn create_logstore(
        &self,
        project: &str,
        config: LogstoreConfig,
    ) -> Result<(), sls_core::Error> {
        self.perform(&CreateLogstore::new(project, config)).await
    }

    /// A logstore to write to and read from, whether it exists yet or not.
    pub fn logstore(
        &self,
        project: impl Into<String>,
        logstore: impl Into<String>,
    ) -> LocalLogstore {
        LocalLogstore::new(self.clone(), project.into(), logstore.into())
    }

    /// Moves the service's clock forward: logs expire, cursors by time move on.
    pub fn advance(&self, by: Duration) {
        self.face.clock().advance(by);
    }

    /// What trackers of GrowingIO have sent.
    pub fn growingio(&self) -> GrowingIo {
        self.face.collector().handle()
    }

    pub(crate) fn face(&self) -> &Face {
        &self.face
    }

    /// Puts a fault in force, behind those that are.
    ///
    /// # Panics
    /// When no operation has the name that the fault is for: it would never meet anything, and
    /// a test of it would pass for nothing.
    #[track_caller]
    pub fn inject(&self, fault: Fault) -> FaultId {
        if let Err(unknown) = fault.check() {
            panic!("{unknown}");
        }
        self.face.faults().add(fault)
    }

    /// Refuses the next request of an operation with an HTTP status and a code.
    ///
    /// # Panics
    /// As [`inject`](Self::inject).
    #[track_caller]
    pub fn fail_next(&self, operation: &str, status: u16, code: &str) -> FaultId {
        self.inject(Fault::refuse(status, code).on_operation(operation).times(1))
    }

    /// Takes a fault back; whether it was still in force.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.face.faults().remove(id)
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.face.faults().clear();
    }

    pub(crate) async fn answer_client(
        &self,
        request: Request<Bytes>,
        peer: Peer,
    ) -> Result<Disturbed, Cut> {
        self.answer(request, Sender::Client(Some(peer))).await
    }

    async fn answer(&self, request: Request<Bytes>, sender: Sender) -> Result<Disturbed, Cut> {
        let Outcome {
            response, fault, ..
        } = self.outcome(request, sender).await;
        let mut disturbed = Disturbed {
            response,
            delay: None,
            pace: None,
        };
        match fault {
            Some(Effect::CutBefore | Effect::CutAfter) => return Err(Cut),
            Some(Effect::Delay { delay_ms }) => {
                disturbed.delay = Some(Duration::from_millis(delay_ms));
            }
            Some(Effect::Drip { bytes, pause_ms }) => {
                disturbed.pace = Some((bytes, Duration::from_millis(pause_ms)));
            }
            // These are in the answer already.
            Some(
                Effect::Refuse { .. }
                | Effect::Redirect { .. }
                | Effect::Quota { .. }
                | Effect::Clock { .. },
            )
            | None => {}
        }
        Ok(disturbed)
    }

    async fn outcome(&self, request: Request<Bytes>, sender: Sender) -> Outcome {
        let place = if may_take_long(&request) {
            Some(&self.long)
        } else if self.face.engine().is_durable() {
            Some(&self.short)
        } else {
            None
        };
        let outcome = match place {
            Some(place) => self.outcome_elsewhere(request, sender, place).await,
            None => self.face.answer(request, sender),
        };
        self.face.settle(outcome).await
    }

    /// Where blocking is allowed.
    async fn outcome_elsewhere(
        &self,
        request: Request<Bytes>,
        sender: Sender,
        place: &Arc<Semaphore>,
    ) -> Outcome {
        // The semaphore is never closed; without a permit the work is done all the same.
        let permit = Arc::clone(place).acquire_owned().await.ok();
        let face = Arc::clone(&self.face);
        let work = tokio::task::spawn_blocking(move || {
            let outcome = face.answer(request, sender);
            drop(permit);
            outcome
        });
        let refusal = || Refusal::busy("the server is shutting down");
        work.await
            .unwrap_or_else(|_| Outcome::of(self.face.refuse(refusal())))
    }

    /// Writes what is waiting and lets go of the storage.
    pub(crate) async fn close(&self) {
        let face = Arc::clone(&self.face);
        // It fails when the runtime ends, and dropping the service does the same.
        let _ = tokio::task::spawn_blocking(move || face.close()).await;
    }
}

fn inside_request<O: Operation>(operation: &O) -> Result<Request<Bytes>, sls_core::Error> {
    let described = operation.encode();
    let host = match operation.project() {
        "" => "localhost".to_owned(),
        project => format!("{project}.localhost"),
    };
    let invalid = |reason: String| sls_core::Error::InvalidRequest {
        call: operation.call(),
        reason,
    };
    let host = HeaderValue::from_str(&host)
        .map_err(|_| invalid(format!("project {host:?} cannot stand in a header")))?;
    let mut request = Request::builder()
        .method(described.method.clone())
        .uri(described.path_and_query())
        .body(described.body)
        .map_err(|cause| invalid(cause.to_string()))?;
    *request.headers_mut() = described.headers;
    request.headers_mut().insert(header::HOST, host);
    Ok(request)
}

fn read_inside<O: Operation>(
    operation: &O,
    answer: Result<Response<Bytes>, Cut>,
) -> Result<O::Reply, sls_core::Error> {
    let response = answer.map_err(|cut| sls_core::Error::NoAnswer {
        call: operation.call(),
        may_have_acted: true,
        transient: true,
        cause: Box::new(cut),
    })?;
    let (parts, body) = response.into_parts();
    operation.read(&ApiReply {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// An answer, how much later it is to be sent, and how slowly.
#[derive(Debug)]
pub(crate) struct Disturbed {
    pub(crate) response: Response<Bytes>,
    delay: Option<Duration>,
    pub(crate) pace: Option<(usize, Duration)>,
}

impl Disturbed {
    /// Returns when the answer may be sent.
    pub(crate) async fn wait(self) -> Self {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        self
    }
}

/// There is no answer: the connection was cut on request.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut on request")]
pub(crate) struct Cut;

/// Lists of what was tracked are rendered, large bodies are hashed and inflated, pulls are
/// compressed and run a query, searches look at every log.
fn may_take_long(request: &Request<Bytes>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let scans = [
        "type=log",
        "type=histogram",
        "type=topic",
        "type=context_log",
    ];
    let raw = request.headers().get(headers::BODY_RAW_SIZE);
    let raw = raw.and_then(|raw| raw.to_str().ok()?.trim().parse::<usize>().ok());
    request.body().len() > LARGE_BODY
        || raw.is_some_and(|raw| raw > LARGE_RAW)
        || request.uri().path().ends_with("/logs")
        || request.uri().path().starts_with("/_local/growingio/")
        || scans.iter().any(|kind| query.contains(kind))
}
