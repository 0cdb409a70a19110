use std::collections::BTreeSet;

use http::HeaderName;
use sls_core::wire::headers;

use super::get_logs::within;
use super::{Answer, Context};
use crate::refusal::Refusal;

/// The most topics of one answer, and how many are given unless told otherwise.
const MAX_LINES: usize = 100;

const NEXT_TOKEN: HeaderName = HeaderName::from_static("x-log-nexttoken");

/// `GET /logstores/{logstore}?type=topic`: in order, from the topic that `token` names.
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let request = context.request;
    let lines = within("InvalidLine", "line", request.number("line")?, MAX_LINES)?;
    let lines = lines.unwrap_or(MAX_LINES);
    let token = request.parameter("token").unwrap_or_default();
    logstore.check_index()?;
    let topics: BTreeSet<String> = logstore.topics(context.now)?;
    let mut rest = topics.into_iter().filter(|topic| topic.as_str() >= token);
    let page: Vec<_> = rest.by_ref().take(lines).collect();
    let answer = Answer::json(&page)?.with(headers::COUNT, page.len());
    Ok(answer.with(NEXT_TOKEN, rest.next().unwrap_or_default()))
}
