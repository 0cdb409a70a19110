//! What programs in other languages ask of this server that the service does not have.
//!
//! ```text
//! POST   /_local/faults               {"effect": "refuse", "status": 503, ..} -> {"id": 1}
//! GET    /_local/faults               [{"id": 1, "effect": "refuse", ..}]
//! DELETE /_local/faults[?id=1]
//! POST   /_local/clock                {"advance_ms": 60000}
//! GET    /_local/growingio/events     [?project=..&kind=..&name=..&offset=..&limit=..]
//! GET    /_local/growingio/requests   [?offset=..&limit=..]
//! GET    /_local/growingio/counts
//! DELETE /_local/growingio
//! ```
//!
//! Not signed, and therefore answered to clients on this machine only, and not to pages of
//! other sites. A body must be declared as JSON, so that no web page can send one without
//! asking first.

mod faults;
mod growingio;

use std::time::Duration;

use http::{Method, header};
use serde::Deserialize;
use sls_core::wire::headers;

use super::answer::Answer;
use super::request::Request;
use super::{Face, Sender};
use crate::refusal::Refusal;

/// The first name of every path here; no name of the service begins so.
const ROOT: &str = "/_local/";
/// The largest body, in bytes.
const MAX_BODY: usize = 64 << 10;

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
    let answer = check_sender(sender).and_then(|()| perform(face, request, name));
    Some(answer.map(|answer| Answer {
        private: true,
        ..answer
    }))
}

fn check_sender(sender: Sender) -> Result<(), Refusal> {
    match sender {
        Sender::Client(Some(peer)) if !peer.ip.to_canonical().is_loopback() => {
            let message = "this is answered to clients on the same machine only";
            Err(Refusal::unauthorized("Unauthorized", message))
        }
        _ => Ok(()),
    }
}

fn perform(face: &Face, request: &Request, name: &str) -> Result<Answer, Refusal> {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["faults"] => faults::perform(face, request),
        ["clock"] => set_clock(face, request),
        ["growingio", rest @ ..] => growingio::perform(face, request, rest),
        _ => Err(Refusal::method(&request.path)),
    }
}

fn set_clock(face: &Face, request: &Request) -> Result<Answer, Refusal> {
    if request.method != Method::POST {
        return Err(Refusal::method(&request.path));
    }
    let advance: Advance = json(request)?;
    let by = Duration::from_millis(advance.advance_ms);
    face.clock().advance(by);
    Ok(Answer::empty())
}

fn json<T: for<'de> Deserialize<'de>>(request: &Request) -> Result<T, Refusal> {
    let kind = request.header(&header::CONTENT_TYPE).unwrap_or_default();
    if !kind.eq_ignore_ascii_case(headers::JSON) {
        let message = format!("Content-Type must be {}.", headers::JSON);
        return Err(Refusal::content_type(message));
    }
    request.json("ParameterInvalid", MAX_BODY)
}
