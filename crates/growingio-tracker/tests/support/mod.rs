//! A collector without a socket, that does what a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use growingio_codecs::Route;
use growingio_codecs::decode::{DecodeLimits, Packing, decode};
use growingio_codecs::{Batch, EventRecord};
use growingio_tracker::{Error, Identity, Tracker, TrackerBuilder};
use http::{Request, Response};
use telemetry_delivery::{TransportError, TransportErrorKind};
use tokio::runtime::Handle;

/// What a collector does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    /// The connection is lost; the request may have been read.
    Lost,
    Never,
}

type Seen = (Request<Bytes>, Answer);
type Judge = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// Answers as a function of the number of the request, from 0, and its body.
#[derive(Clone)]
pub(crate) struct Collector {
    judge: Arc<Judge>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    pub(crate) fn new(judge: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            judge: Arc::new(judge),
            seen: Arc::default(),
        }
    }

    /// Accepts everything.
    pub(crate) fn kind() -> Self {
        Self::new(|_, _| Answer::Status(200))
    }

    /// A tracker on the runtime of the test, whose time stands still.
    pub(crate) fn tracker(&self) -> TrackerBuilder {
        self.builder().runtime(Handle::current())
    }

    /// A tracker with a thread of its own.
    pub(crate) fn builder(&self) -> TrackerBuilder {
        let collector = self.clone();
        let transport = tower::service_fn(move |request| collector.clone().answer(request));
        Tracker::builder("p", "d", "http://collector.example").transport(transport)
    }

    async fn answer(self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let answer = {
            let mut seen = self.seen.lock().unwrap();
            let body = String::from_utf8_lossy(request.body()).into_owned();
            let answer = (self.judge)(seen.len(), &body);
            seen.push((request, answer));
            answer
        };
        match answer {
            Answer::Status(status) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = status.try_into().unwrap();
                Ok(response)
            }
            Answer::Lost => Err(TransportError::new(TransportErrorKind::Closed, "lost")),
            Answer::Never => std::future::pending().await,
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(request, _)| request.clone()).collect()
    }

    /// The names of all events, keys of all items, per accepted request.
    pub(crate) fn accepted(&self) -> Vec<Vec<String>> {
        let seen = self.seen.lock().unwrap();
        let accepted = seen
            .iter()
            .filter(|(_, answer)| matches!(answer, Answer::Status(200..300)));
        accepted.map(|(request, _)| names(request)).collect()
    }
}

pub(crate) fn batch(request: &Request<Bytes>) -> Batch<'static> {
    let (route, _) = Route::of_path(request.uri().path()).unwrap();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let packing = Packing::of_request(headers, request.uri().query().unwrap_or_default()).unwrap();
    decode(route, &packing, request.body(), &DecodeLimits::default()).unwrap()
}

pub(crate) fn events(request: &Request<Bytes>) -> Vec<EventRecord<'static>> {
    match batch(request) {
        Batch::Events(events) => events,
        other => panic!("no events: {other:?}"),
    }
}

pub(crate) fn names(request: &Request<Bytes>) -> Vec<String> {
    match batch(request) {
        Batch::Events(events) => events
            .into_iter()
            .map(|event| event.event_name.unwrap_or_default().into_owned())
            .collect(),
        Batch::Items(items) => items
            .into_iter()
            .map(|item| item.item_key.unwrap_or_default().into_owned())
            .collect(),
        Batch::UserMappings(mappings) => vec!["mapping".to_owned(); mappings.len()],
        other => panic!("not decoded: {other:?}"),
    }
}

pub(crate) async fn track(tracker: &Tracker, name: &str) -> Result<(), Error> {
    tracker
        .track_custom_event(name, Identity::anonymous("a"), ())
        .await
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
