use http::HeaderName;
use serde::Serialize;
use sls_core::wire::headers;

use super::get_logs::{check_range, required};
use super::search_text::SearchText;
use super::{Answer, Context};
use crate::engine::search::Search;
use crate::refusal::Refusal;

/// How many spans a time range is divided into, at most.
const MAX_SPANS: u64 = 60;

const PROGRESS: HeaderName = HeaderName::from_static("x-log-progress");

#[derive(Serialize)]
struct Span {
    from: u64,
    to: u64,
    count: u64,
    progress: &'static str,
}

/// `GET /logstores/{logstore}?type=histogram`: how many logs match in each part of a time
/// range.
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let request = context.request;
    let text = SearchText::parse(request.parameter("query").unwrap_or_default())?;
    if text.pipeline.is_some() {
        let message = "a histogram is of a search, without a pipeline";
        return Err(Refusal::parameter(message));
    }
    let (from, to) = (
        required("from", request.number("from")?)?,
        required("to", request.number("to")?)?,
    );
    let search = Search {
        query: text.query()?,
        topic: request.parameter("topic").map(str::to_owned),
        from: (from, request.number("fromNs")?.unwrap_or(0)),
        to: (to, request.number("toNs")?.unwrap_or(0)),
    };
    check_range(&search)?;
    logstore.check_index()?;
    let least = (to - from).div_ceil(MAX_SPANS).max(1);
    let width = request.number("interval")?.unwrap_or(least).max(least);
    let starts: Vec<u64> = (0..)
        .map_while(|span: u64| from.checked_add(span.checked_mul(width)?))
        .take_while(|start| *start < to || *start == from)
        .collect();
    let counts = search.count(&logstore, &starts, context.now)?;
    let ends = starts.iter().skip(1).copied().chain([to]);
    let spans: Vec<_> = starts
        .iter()
        .zip(ends)
        .zip(&counts)
        .map(|((from, to), count)| Span {
            from: *from,
            to,
            count: *count,
            progress: "Complete",
        })
        .collect();
    Ok(Answer::json(&spans)?
        .with(PROGRESS, "Complete")
        .with(headers::COUNT, counts.iter().sum::<u64>()))
}
