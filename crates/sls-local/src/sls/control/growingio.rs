use http::Method;

use super::{Answer, Face, Request};
use crate::growingio::{EventFilter, Page};
use crate::refusal::Refusal;

/// `GET /_local/growingio/{events, requests, counts}` and `DELETE /_local/growingio`
pub(super) fn perform(face: &Face, request: &Request, rest: &[&str]) -> Result<Answer, Refusal> {
    match (&request.method, rest) {
        (&Method::GET, ["events"]) => {
            let filter = EventFilter {
                project: request.parameter("project"),
                kind: request.parameter("kind"),
                name: request.parameter("name"),
            };
            Answer::json(&face.collector().list_events(&filter, &page(request)?)?)
        }
        (&Method::GET, ["requests"]) => {
            Answer::json(&face.collector().list_requests(&page(request)?)?)
        }
        (&Method::GET, ["counts"]) => Answer::json(&face.collector().handle().counts()),
        (&Method::DELETE, []) => {
            face.collector().handle().clear();
            Ok(Answer::empty())
        }
        _ => Err(Refusal::method(&request.path)),
    }
}

fn page(request: &Request) -> Result<Page, Refusal> {
    Ok(Page {
        offset: request.number("offset")?.unwrap_or(0),
        limit: request.number("limit")?,
    })
}
