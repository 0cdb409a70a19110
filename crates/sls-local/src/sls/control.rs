//! What programs in other languages ask of this server that the service does not have.
//!
//! ```text
//! POST   /_local/faults       {"effect": "refuse", "status": 503, ..} -> {"id": 1}
//! GET    /_local/faults       [{"id": 1, "effect": "refuse", ..}]
//! DELETE /_local/faults[?id=1]
//! POST   /_local/clock        {"advance_ms": 60000}
//! ```
//!
//! Not signed, and therefore answered to clients on this machine only. A body must be
//! declared as JSON, so that no web page can send one without asking first.

use std::time::Duration;

use http::{Method, header};
use serde::{Deserialize, Serialize};
use sls_core::wire::headers;

use super::answer::Answer;
use super::request::Request;
use super::{Face, Sender};
use crate::fault::{Fault, FaultId};
use crate::refusal::Refusal;

/// The first name of every path here; no name of the service begins so.
const ROOT: &str = "/_local/";
/// The most faults that can be in force this way.
const MAX_FAULTS: usize = 1000;
/// The largest body, in bytes.
const MAX_BODY: usize = 64 << 10;

#[derive(Serialize)]
struct Listed {
    id: FaultId,
    #[serde(flatten)]
    fault: Fault,
}

#[derive(Serialize)]
struct Added {
    id: FaultId,
}

#[derive(Deserialize)]
struct Advance {
    advance_ms: u64,
}

/// The answer, when the request is one of these.
pub(super) fn answer(
    face: &Face,
    request: &Request,
    sender: Sender,
) -> Option<Result<Answer, Refusal>> {
    let name = request.path.strip_prefix(ROOT)?;
    Some(check_sender(sender).and_then(|()| perform(face, request, name)))
}

fn check_sender(sender: Sender) -> Result<(), Refusal> {
    match sender {
        Sender::Client(Some(peer)) if !peer.to_canonical().is_loopback() => {
            let message = "this is answered to clients on the same machine only";
            Err(Refusal::unauthorized("Unauthorized", message))
        }
        _ => Ok(()),
    }
}

fn perform(face: &Face, request: &Request, name: &str) -> Result<Answer, Refusal> {
    match (&request.method, name) {
        (&Method::POST, "faults") => {
            let fault: Fault = json(request)?;
            if face.faults.list().len() >= MAX_FAULTS {
                let message = format!("there are {MAX_FAULTS} faults already");
                return Err(Refusal::quota("ExceedQuota", message));
            }
            let id = face.faults.add(fault);
            Answer::json(&Added { id })
        }
        (&Method::GET, "faults") => {
            let kept = face.faults.list().into_iter();
            let listed: Vec<_> = kept.map(|(id, fault)| Listed { id, fault }).collect();
            Answer::json(&listed)
        }
        (&Method::DELETE, "faults") => {
            match request.number("id")? {
                Some(id) if !face.faults.remove(FaultId(id)) => {
                    let message = format!("there is no fault {id}");
                    return Err(Refusal::missing("FaultNotExist", message));
                }
                Some(_) => {}
                None => face.faults.clear(),
            }
            Ok(Answer::empty())
        }
        (&Method::POST, "clock") => {
            let advance: Advance = json(request)?;
            face.clock()
                .advance(Duration::from_millis(advance.advance_ms));
            Ok(Answer::empty())
        }
        _ => Err(Refusal::method(&request.path)),
    }
}

fn json<T: for<'de> Deserialize<'de>>(request: &Request) -> Result<T, Refusal> {
    let kind = request.header(&header::CONTENT_TYPE).unwrap_or_default();
    if !kind.eq_ignore_ascii_case(headers::JSON) {
        let message = format!("Content-Type must be {}.", headers::JSON);
        return Err(Refusal::content_type(message));
    }
    request.json("ParameterInvalid", MAX_BODY)
}
