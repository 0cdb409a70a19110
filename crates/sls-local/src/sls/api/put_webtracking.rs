use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, Method, header};
use sls_core::wire::{GroupEncoder, headers};

use super::json_group::JsonGroup;
use super::{Answer, Context};
use crate::engine::{Put, PutRoute, unix_seconds};
use crate::refusal::Refusal;
use crate::sls::body;

/// A transparent picture of one pixel, for pages that load it to tell of themselves.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\
\x21\xf9\x04\x01\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

const ALLOW_METHODS: HeaderName = header::ACCESS_CONTROL_ALLOW_METHODS;
const ALLOW_HEADERS: HeaderName = header::ACCESS_CONTROL_ALLOW_HEADERS;

/// All values are text.
type Tracked = JsonGroup<BTreeMap<String, String>>;

/// `POST /logstores/{logstore}/track` with a body, `GET` of the same with one log in the
/// query, or `GET /logstores/{logstore}/track.gif`. Nobody signs these.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    picture: bool,
) -> Result<Answer, Refusal> {
    check_version(context)?;
    let logstore = context.logstore(logstore)?;
    if !logstore.config().enable_tracking {
        let message = format!(
            "web tracking is not enabled for logstore {}",
            logstore.name()
        );
        return Err(Refusal::unauthorized("Unauthorized", message));
    }
    let engine = &context.face.engine;
    let tracked = if context.request.method == Method::GET {
        from_query(context)
    } else {
        let body = body::untyped(context.request, engine.put_rules().max_group_bytes)?;
        Tracked::read(&body)?
    };
    let group = encode(context, tracked);
    let put = Put {
        group,
        packed: None,
        route: PutRoute::Balanced,
    };
    let answer = Answer::empty().once(context.put(&logstore, put)?);
    if !picture {
        return Ok(answer);
    }
    let mut answer = answer.with(header::CONTENT_TYPE, "image/gif");
    answer.body = Bytes::from_static(PIXEL);
    Ok(answer)
}

/// `OPTIONS` of the same: a browser asks before it sends to another site.
pub(super) fn allow() -> Answer {
    Answer::empty()
        .with(ALLOW_METHODS, "GET, POST, OPTIONS")
        .with(
            ALLOW_HEADERS,
            "content-type, x-log-apiversion, x-log-bodyrawsize, x-log-compresstype",
        )
}

/// The version is in a header, or where a page cannot set one in the query.
fn check_version(context: &Context<'_>) -> Result<(), Refusal> {
    match context.request.parameter("APIVersion") {
        Some(headers::API_VERSION_VALUE) => Ok(()),
        _ => crate::sls::check_version(context.request),
    }
}

fn from_query(context: &Context<'_>) -> Tracked {
    let mut tracked = Tracked {
        topic: String::new(),
        source: String::new(),
        tags: BTreeMap::new(),
        logs: Vec::new(),
    };
    let mut log = BTreeMap::new();
    for (key, value) in &context.request.query {
        match key.as_ref() {
            "APIVersion" => {}
            "__topic__" => tracked.topic = value.to_string(),
            "__source__" => tracked.source = value.to_string(),
            _ => {
                log.insert(key.to_string(), value.to_string());
            }
        }
    }
    tracked.logs.push(log);
    tracked
}

/// The time of a log is that of its arrival, whatever the page says.
fn encode(context: &Context<'_>, mut tracked: Tracked) -> Bytes {
    let now = unix_seconds(context.now) as u32;
    let mut group = GroupEncoder::new();
    for fields in &tracked.logs {
        let mut log = group.log(now);
        for (key, value) in fields {
            if key != "__time__" {
                log.field(key, value);
            }
        }
    }
    let peer = context.request.peer.map(|peer| peer.to_string());
    if tracked.source.is_empty() {
        tracked.source = peer.unwrap_or_default();
    }
    Bytes::from(group.finish(&tracked.meta()).into_bytes())
}
