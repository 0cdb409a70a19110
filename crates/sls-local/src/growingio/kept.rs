//! What was collected, as it is written down.
//!
//! ```text
//! collected/{number}      a request: one line of JSON, then the body as it was sent
//! collector/counts        the counts, and the last number
//! ```
//!
//! Records are not written down but decoded once more.

use std::time::SystemTime;

use bytes::Bytes;
use growingio_codecs::Route;
use serde::{Deserialize, Serialize};

use super::collected::CollectedRequest;
use super::store::GrowingIoCounts;
use crate::engine::{Changes, Storage, StorageError};

const REQUESTS: &str = "collected/";
const COUNTS: &str = "collector/counts";

/// What was written down.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) counts: KeptCounts,
    pub(super) requests: Vec<KeptRequest>,
}

/// A request whose records are still to be decoded, and the time it was held against.
#[derive(Debug)]
pub(super) struct KeptRequest {
    pub(super) request: CollectedRequest,
    pub(super) now: SystemTime,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct KeptCounts {
    pub(super) counts: GrowingIoCounts,
    pub(super) numbered: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    connection: Option<u64>,
    received: SystemTime,
    now: SystemTime,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    status: Option<u16>,
    accepted: bool,
    reason: Option<String>,
}

pub(super) fn read(storage: &dyn Storage) -> Result<Kept, StorageError> {
    let mut counts = KeptCounts::default();
    for (_, fact) in storage.facts(COUNTS)? {
        counts = serde_json::from_slice(&fact).map_err(|cause| damaged(COUNTS, &cause))?;
    }
    let mut requests = Vec::new();
    for (name, fact) in storage.facts(REQUESTS)? {
        requests.push(read_request(&name, &fact)?);
    }
    Ok(Kept { counts, requests })
}

fn read_request(name: &str, fact: &[u8]) -> Result<KeptRequest, StorageError> {
    let end = fact.iter().position(|byte| *byte == b'\n');
    let (line, body) = fact.split_at(end.unwrap_or(fact.len()));
    let line: Line = serde_json::from_slice(line).map_err(|cause| damaged(name, &cause))?;
    let path = line.target.split('?').next().unwrap_or_default();
    let parsed = path.parse::<http::Uri>().ok();
    let path = parsed.as_ref().map_or(path, http::Uri::path);
    let number = name[REQUESTS.len()..].parse().ok();
    let (Some(number), Some((route, product_id))) = (number, Route::of_path(path)) else {
        return Err(damaged(name, &"it is no request to a collector"));
    };
    let request = CollectedRequest {
        number,
        connection: line.connection,
        received: line.received,
        method: line.method,
        target: line.target,
        headers: line.headers,
        body: Bytes::copy_from_slice(body.get(1..).unwrap_or_default()),
        route,
        product_id,
        status: line.status,
        accepted: line.accepted,
        reason: line.reason,
        repeat_of: None,
        records: Vec::new(),
    };
    Ok(KeptRequest {
        request,
        now: line.now,
    })
}

/// A request, the counts with it, and the requests that it displaces.
pub(super) fn pushed(
    request: &CollectedRequest,
    now: SystemTime,
    counts: KeptCounts,
    displaced: &[u64],
) -> Changes {
    let line = Line {
        connection: request.connection,
        received: request.received,
        now,
        method: request.method.clone(),
        target: request.target.clone(),
        headers: request.headers.clone(),
        status: request.status,
        accepted: request.accepted,
        reason: request.reason.clone(),
    };
    let mut fact = json(&line);
    fact.push(b'\n');
    fact.extend_from_slice(&request.body);
    let changes = Changes::default()
        .write(name(request.number), fact)
        .write(COUNTS, json(&counts));
    let displaced = displaced.iter();
    displaced.fold(changes, |changes, number| changes.erase(name(*number)))
}

/// Nothing but the last number.
pub(super) fn cleared(counts: KeptCounts) -> Changes {
    Changes::default()
        .erase_under(REQUESTS)
        .write(COUNTS, json(&counts))
}

/// So many digits that the order of names is that of numbers.
fn name(number: u64) -> String {
    format!("{REQUESTS}{number:020}")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Structs of texts, numbers and times since the epoch always are JSON.
    serde_json::to_vec(value).unwrap_or_default()
}

fn damaged(name: &str, cause: &dyn std::fmt::Display) -> StorageError {
    StorageError::Damaged(format!("{name} cannot be read: {cause}").into())
}
