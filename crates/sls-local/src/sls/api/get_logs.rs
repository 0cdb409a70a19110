use std::sync::Arc;

use http::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sls_core::wire::headers;

use super::search_text::SearchText;
use super::{Answer, Context};
use crate::engine::Logstore;
use crate::engine::search::{Found, Page, Search};
use crate::refusal::Refusal;

/// The most logs of one answer, and how many are given unless told otherwise.
const MAX_LINES: usize = 100;

/// How far into the found logs an answer may begin: all before it have to be put in order.
const MAX_OFFSET: usize = 1_000_000;

const PROGRESS: HeaderName = HeaderName::from_static("x-log-progress");
const PROCESSED_ROWS: HeaderName = HeaderName::from_static("x-log-processed-rows");
const ELAPSED: HeaderName = HeaderName::from_static("x-log-elapsed-millisecond");
const HAS_SQL: HeaderName = HeaderName::from_static("x-log-has-sql");
const WHERE_QUERY: HeaderName = HeaderName::from_static("x-log-where-query");
const QUERY_INFO: HeaderName = HeaderName::from_static("x-log-query-info");

/// What is asked for, whichever way it is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    from: Option<u64>,
    to: Option<u64>,
    #[serde(rename = "fromNs")]
    from_ns: u32,
    #[serde(rename = "toNs")]
    to_ns: u32,
    /// Negative ones have a code of their own.
    line: Option<i64>,
    offset: i64,
    reverse: bool,
    query: String,
    topic: String,
    /// `mode=scan` for a query with a pipeline.
    session: String,
}

/// `POST /logstores/{logstore}/logs`: meta and data in one body.
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let asked: Asked = context.json("ParameterInvalid")?;
    let (found, text) = search(context, &logstore, &asked)?;
    let body = json!({"meta": meta(&asked, &found, &text), "data": found.items});
    let accepted = context.request.accepts();
    let raw = body.to_string();
    if accepted.name().is_none() {
        return Answer::json(&body);
    }
    Ok(Answer::compressed(raw.as_bytes(), accepted, headers::JSON))
}

/// `GET /logstores/{logstore}?type=log`: a bare list, the meta in headers.
pub(super) fn perform_v2(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let request = context.request;
    let text = |name| request.parameter(name).unwrap_or_default().to_owned();
    let asked = Asked {
        from: request.number("from")?,
        to: request.number("to")?,
        from_ns: request.number("fromNs")?.unwrap_or(0),
        to_ns: request.number("toNs")?.unwrap_or(0),
        line: request.number("line")?,
        offset: request.number("offset")?.unwrap_or(0),
        reverse: request.flag("reverse")?.unwrap_or(false),
        query: text("query"),
        topic: text("topic"),
        session: text("session"),
    };
    let (found, text) = search(context, &logstore, &asked)?;
    let info = json!({"mode": mode(&asked)});
    Ok(Answer::json(&found.items)?
        .with(PROGRESS, "Complete")
        .with(headers::COUNT, found.items.len())
        .with(PROCESSED_ROWS, found.scanned_rows)
        .with(ELAPSED, 0)
        .with(HAS_SQL, false)
        .with(WHERE_QUERY, text.search)
        .with(QUERY_INFO, info))
}

/// A number from 0 on, if one is given.
pub(super) fn within(
    code: &'static str,
    name: &str,
    given: Option<i64>,
    most: usize,
) -> Result<Option<usize>, Refusal> {
    let number = given.map(usize::try_from).transpose().ok();
    let number = number.filter(|number| number.is_none_or(|number| number <= most));
    number.ok_or_else(|| Refusal::bad(code, format!("{name} must be 0 to {most}")))
}

fn search<'a>(
    context: &Context<'_>,
    logstore: &Arc<Logstore>,
    asked: &'a Asked,
) -> Result<(Found, SearchText<'a>), Refusal> {
    let lines = within("InvalidLine", "line", asked.line, MAX_LINES)?.unwrap_or(MAX_LINES);
    let offset = within("InvalidOffset", "offset", Some(asked.offset), MAX_OFFSET)?;
    let text = SearchText::parse(&asked.query)?;
    let program = text.pipeline.as_deref();
    let program = program
        .map(|program| context.face.programs.compiled(program))
        .transpose()?;
    let search = Search {
        query: text.query()?,
        topic: (!asked.topic.is_empty()).then(|| asked.topic.clone()),
        from: (required("from", asked.from)?, asked.from_ns),
        to: (required("to", asked.to)?, asked.to_ns),
    };
    check_range(&search)?;
    logstore.check_index()?;
    let page = Page {
        offset: offset.unwrap_or(0),
        lines,
        reverse: asked.reverse,
        pack_meta: text.pack_meta,
    };
    let found = search.run(logstore, page, program.as_deref(), context.now)?;
    Ok((found, text))
}

pub(super) fn required(name: &str, value: Option<u64>) -> Result<u64, Refusal> {
    value.ok_or_else(|| Refusal::parameter(format!("parameter {name} is missing")))
}

/// A time range must not end before it begins.
pub(super) fn check_range(search: &Search) -> Result<(), Refusal> {
    if search.from <= search.to {
        return Ok(());
    }
    Err(Refusal::bad(
        "InvalidTimeRange",
        format!(
            "the time range ends at {} and begins at {}",
            search.to.0, search.from.0
        ),
    ))
}

fn mode(asked: &Asked) -> u8 {
    // The service's numbers: 0 for an indexed search, 2 for a scan.
    if asked.session.contains("mode=scan") {
        2
    } else {
        0
    }
}

fn meta(asked: &Asked, found: &Found, text: &SearchText<'_>) -> Map<String, Value> {
    let meta = json!({
        "progress": "Complete",
        "count": found.items.len(),
        "processedRows": found.scanned_rows,
        "elapsedMillisecond": 0,
        "processedBytes": found.scanned_bytes,
        "hasSQL": false,
        "whereQuery": text.search,
        "aggQuery": "",
        "cpuSec": 0.0,
        "cpuCores": 0,
        "limited": 0,
        "telementryType": "",
        "powerSql": false,
        "insertedSQL": "",
        "keys": [],
        "terms": [],
        "mode": mode(asked),
        "isAccurate": true,
        "columnTypes": [],
    });
    match meta {
        Value::Object(mut meta) => {
            if mode(asked) == 2 {
                meta.insert("scanBytes".to_owned(), found.scanned_bytes.into());
                let info = json!({"scanAll": true, "beginOffset": 0, "endOffset": 0});
                meta.insert("phraseQueryInfo".to_owned(), info);
            }
            meta
        }
        _ => Map::new(),
    }
}
