//! The collector of GrowingIO, on the same port as SLS.
//!
//! ```text
//! call.rs       is a request meant for it, and what for
//! mod.rs        decoded, judged, answered
//! check.rs      what the manual calls incomplete
//! store.rs      kept within a budget
//! kept.rs       written down, where that means anything
//! handle.rs     looked at by a test
//! listing.rs    looked at over HTTP
//! ```
//!
//! Nobody signs: what is told apart is told apart by its path alone.

mod call;
mod check;
mod collected;
mod handle;
mod json;
mod kept;
mod listing;
mod store;
mod weight;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use growingio_codecs::Route;
use growingio_codecs::decode::{DecodeError, DecodeLimits, Packing, decode};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;
use sls_core::wire::headers;

pub(crate) use call::{Call, OPERATIONS};
pub use collected::{CollectedEvent, CollectedRecord, CollectedRequest};
pub use handle::GrowingIo;
pub(crate) use listing::{EventFilter, Page};
pub use store::GrowingIoCounts;

use crate::engine::{Receipt, Storage, StorageError};
use crate::fault::Effect;
use crate::refusal::Refusal;
use crate::sls::status_code;
use check::{of_record, of_time};
use kept::KeptRequest;
use store::Store;

/// How the collector is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Whether records are refused that would otherwise get a warning.
    pub(crate) strict: bool,
    /// Room for what is kept, in bytes.
    pub(crate) budget: usize,
}

/// Takes records and keeps them.
#[derive(Debug)]
pub(crate) struct Collector {
    strict: bool,
    limits: DecodeLimits,
    store: Arc<Store>,
}

/// When and from where a request came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// By the server's clock.
    pub(crate) received: SystemTime,
    /// The time against which the time of sending is held.
    pub(crate) now: SystemTime,
    pub(crate) connection: Option<u64>,
}

/// Whether the records are taken, and what is answered.
struct Verdict {
    accepted: bool,
    response: Response<Bytes>,
    reason: Option<String>,
}

impl Collector {
    /// A collector with what a storage has of it.
    pub(crate) fn open(
        settings: Settings,
        storage: Arc<dyn Storage>,
    ) -> Result<Self, StorageError> {
        let kept = kept::read(&*storage)?;
        let collector = Self {
            strict: settings.strict,
            limits: DecodeLimits::default(),
            store: Arc::new(Store::new(settings.budget, storage)),
        };
        let requests = kept.requests.into_iter();
        let requests = requests.map(|request| collector.revive(request));
        collector.store.restore(kept.counts, requests);
        Ok(collector)
    }

    pub(crate) fn handle(&self) -> GrowingIo {
        GrowingIo::new(Arc::clone(&self.store))
    }

    /// The answer to a call, which is kept before it is answered.
    pub(crate) fn answer(
        &self,
        call: Call,
        request: Request<Bytes>,
        arrival: Arrival,
        fault: Option<&Effect>,
    ) -> (Response<Bytes>, Option<Receipt>) {
        let Call::Collect { route, product_id } = call else {
            let response = scripted(fault).map_or_else(accepted, |verdict| verdict.response);
            return (response, None);
        };
        let (parts, body) = request.into_parts();
        let query = parts.uri.query();
        let decoded = self.decode(route, &parts.headers, query, &body);
        let number = self.store.number();
        let (records, undecodable) = match decoded {
            Ok(records) => (records, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let records = with_warnings(records, number, &product_id, query, arrival);
        let verdict = match (scripted(fault), undecodable) {
            (Some(verdict), _) => verdict,
            (None, _) if parts.method != Method::POST => not_a_post(&parts.method),
            (None, Some(error)) => Verdict::refuse(status_of(&error), with_causes(&error)),
            (None, None) => self.judge(&records),
        };
        let cut = matches!(fault, Some(Effect::CutBefore | Effect::CutAfter));
        let collected = CollectedRequest {
            number,
            connection: arrival.connection,
            received: arrival.received,
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            headers: texts(&parts.headers),
            body,
            route,
            product_id,
            status: (!cut).then(|| verdict.response.status().as_u16()),
            accepted: verdict.accepted,
            reason: verdict.reason,
            repeat_of: None,
            records,
        };
        let receipt = self.store.push(collected, arrival.now);
        (verdict.response, receipt)
    }

    /// A request that was written down, with its records, which were not.
    fn revive(&self, kept: KeptRequest) -> CollectedRequest {
        let KeptRequest { mut request, now } = kept;
        let arrival = Arrival {
            received: request.received,
            now,
            connection: request.connection,
        };
        let fields = request.headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        let fields: HeaderMap = fields.collect();
        let query = request.target.split_once('?').map(|(_, query)| query);
        let decoded = self.decode(request.route, &fields, query, &request.body);
        let (number, product_id) = (request.number, &request.product_id);
        let records = decoded.unwrap_or_default();
        request.records = with_warnings(records, number, product_id, query, arrival);
        request
    }

    /// The answer to a request that was not read to its end.
    pub(crate) fn refuse_unread(refusal: &Refusal) -> Response<Bytes> {
        let status = match refusal.code {
            "PostBodyTooLarge" => StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTimeout" => StatusCode::REQUEST_TIMEOUT,
            _ => status_code(refusal.status),
        };
        Verdict::refuse(status, refusal.message.clone()).response
    }

    fn decode(
        &self,
        route: Route,
        fields: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<CollectedRecord>, DecodeError> {
        let texts = fields
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let packing = Packing::of_request(texts, query.unwrap_or_default())?;
        let batch = decode(route, &packing, body, &self.limits)?;
        Ok(CollectedRecord::of_batch(batch))
    }

    /// All records of a request are taken, or none.
    fn judge(&self, records: &[Arc<CollectedEvent>]) -> Verdict {
        let place = records.iter().position(|event| !event.warnings.is_empty());
        match place {
            Some(place) if self.strict => {
                let warnings = records[place].warnings.join(", ");
                Verdict::refuse(
                    StatusCode::BAD_REQUEST,
                    format!("record {place}: {warnings}"),
                )
            }
            _ => Verdict {
                accepted: true,
                response: accepted(),
                reason: None,
            },
        }
    }
}

impl Verdict {
    fn refuse(status: StatusCode, reason: String) -> Self {
        let body = json!({"reason": reason}).to_string();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let kind = HeaderValue::from_static(headers::JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Self {
            accepted: false,
            response,
            reason: Some(reason),
        }
    }

    /// Adds a header; a value that no header may have is left out.
    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }
}

fn with_warnings(
    records: Vec<CollectedRecord>,
    request: u64,
    product_id: &str,
    query: Option<&str>,
    arrival: Arrival,
) -> Vec<Arc<CollectedEvent>> {
    let late = of_time(query, arrival.now);
    let event = |record| {
        let mut warnings = of_record(&record, product_id);
        warnings.extend(late.clone());
        Arc::new(CollectedEvent {
            request,
            product_id: product_id.to_owned(),
            received: arrival.received,
            record,
            warnings,
        })
    };
    records.into_iter().map(event).collect()
}

/// 200 and nothing else: no SDK reads the body of an answer.
fn accepted() -> Response<Bytes> {
    Response::new(Bytes::new())
}

/// What a fault makes of a request before anybody looks at it.
fn scripted(fault: Option<&Effect>) -> Option<Verdict> {
    match fault? {
        Effect::Refuse {
            status,
            code,
            message,
            retry_after_s,
        } => {
            let reason = format!("{code}: {message}");
            let verdict = Verdict::refuse(status_code(*status), reason);
            Some(match retry_after_s {
                Some(seconds) => verdict.with(header::RETRY_AFTER, &seconds.to_string()),
                None => verdict,
            })
        }
        Effect::Redirect { location, status } => {
            let reason = "sent elsewhere on request".to_owned();
            let verdict = Verdict::refuse(status_code(*status), reason);
            Some(verdict.with(header::LOCATION, location))
        }
        Effect::CutBefore => {
            let reason = "the connection was cut on request".to_owned();
            Some(Verdict::refuse(StatusCode::SERVICE_UNAVAILABLE, reason))
        }
        Effect::CutAfter
        | Effect::Delay { .. }
        | Effect::Drip { .. }
        | Effect::Quota { .. }
        | Effect::Clock { .. } => None,
    }
}

fn not_a_post(method: &Method) -> Verdict {
    let reason = format!("records are sent with POST, not with {method}");
    Verdict::refuse(StatusCode::METHOD_NOT_ALLOWED, reason).with(header::ALLOW, "POST")
}

fn status_of(error: &DecodeError) -> StatusCode {
    match error {
        DecodeError::UnknownCompression(_) | DecodeError::UnknownCrypt(_) => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        DecodeError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn with_causes(error: &DecodeError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn texts(fields: &HeaderMap) -> Vec<(String, String)> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect()
}
