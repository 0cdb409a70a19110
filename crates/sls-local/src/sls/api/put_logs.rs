use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, header};
use serde::Deserialize;
use sls_core::model::HashKey;
use sls_core::wire::{GroupEncoder, headers};

use super::json_group::JsonGroup;
use super::{Answer, Context};
use crate::engine::{Logstore, Put, PutRoute, Receipt, unix_seconds};
use crate::refusal::Refusal;
use crate::sls::{body, packages};

/// Where older clients put the hash key, on the path for balanced puts.
const HASH_KEY: HeaderName = HeaderName::from_static("x-log-hashkey");

/// `batch_group` where the body is several groups; the Java client's.
const MODE: HeaderName = HeaderName::from_static("x-log-mode");
const BATCH: &str = "batch_group";

/// A log of a group that is JSON.
#[derive(Deserialize)]
struct JsonLog {
    #[serde(rename = "__time__")]
    time: Option<u32>,
    #[serde(rename = "__time_ns_part__")]
    time_ns: Option<u32>,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// `POST /logstores/{logstore}/shards/lb`, `POST /logstores/{logstore}` and, with a hash
/// key, `POST /logstores/{logstore}/shards/route`.
///
/// One group is protobuf or JSON; several are a list of packages, of which none is stored when
/// one is wrong. Each is stored by itself, so a quota or a full server may stop in the middle.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    routed: bool,
) -> Result<Answer, Refusal> {
    let request = context.request;
    let logstore = context.logstore(logstore)?;
    let key = match request.parameter("key") {
        Some(key) if routed => Some(key),
        None if routed => return Err(Refusal::parameter("parameter key is missing")),
        _ => request.header(&HASH_KEY),
    };
    let route = key.map_or(Ok(PutRoute::Balanced), parse_key)?;
    if let Some(name) = request.parameter("processor") {
        return Err(super::no_processor(name));
    }
    let kind = content_type(context)?;
    if request.header(&MODE) == Some(BATCH) {
        return batch(context, &logstore, route);
    }
    let raw = body::raw(request, context.face.engine.put_rules().max_group_bytes)?;
    let put = match kind {
        Kind::Protobuf => Put {
            group: raw,
            packed: body::packed(request),
            route,
        },
        Kind::Json => Put {
            group: from_json(context, &raw)?,
            packed: None,
            route,
        },
    };
    let receipt = context.put(&logstore, put)?;
    Ok(Answer::empty().once(receipt))
}

/// The compression that the head names is that of the packages; the body has none.
fn batch(context: &Context<'_>, logstore: &Logstore, route: PutRoute) -> Result<Answer, Refusal> {
    let body = &context.request.body;
    let rules = context.face.engine.put_rules();
    let limit = rules.max_group_bytes;
    if body.len() > limit {
        return Err(body::too_large(body.len(), limit));
    }
    let groups = packages::unpack(body, limit)?;
    for group in &groups {
        rules.check(group, context.now)?;
    }
    let mut receipt = None;
    for group in groups {
        let put = Put {
            group,
            packed: None,
            route,
        };
        let next = context.put(logstore, put)?;
        receipt = match receipt {
            Some(all) => Some(Receipt::and(all, next)),
            None => Some(next),
        };
    }
    Ok(receipt.map_or_else(Answer::empty, |all| Answer::empty().once(all)))
}

/// A log without a time is of now.
fn from_json(context: &Context<'_>, body: &[u8]) -> Result<Bytes, Refusal> {
    let read = JsonGroup::<JsonLog>::read(body)?;
    let now = unix_seconds(context.now) as u32;
    let mut group = GroupEncoder::new();
    for given in &read.logs {
        let mut log = group.log(given.time.unwrap_or(now));
        if let Some(time_ns) = given.time_ns {
            log.time_ns(time_ns);
        }
        for (key, value) in &given.fields {
            log.field(key, value);
        }
    }
    Ok(Bytes::from(group.finish(&read.meta()).into_bytes()))
}

fn parse_key(text: &str) -> Result<PutRoute, Refusal> {
    let key: HashKey = text
        .trim()
        .parse()
        .map_err(|cause| Refusal::parameter(format!("invalid hash key {text:?}: {cause}")))?;
    Ok(PutRoute::Key(key))
}

/// What a body may be.
enum Kind {
    Protobuf,
    Json,
}

fn content_type(context: &Context<'_>) -> Result<Kind, Refusal> {
    let Some(given) = context.request.header(&header::CONTENT_TYPE) else {
        // A body without a type is refused where it is read.
        return Ok(Kind::Protobuf);
    };
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(headers::PROTOBUF) {
        return Ok(Kind::Protobuf);
    }
    if kind.eq_ignore_ascii_case(headers::JSON) {
        return Ok(Kind::Json);
    }
    let message = format!(
        "Content-Type {given} is unsupported, it must be {} or {}.",
        headers::PROTOBUF,
        headers::JSON
    );
    Err(Refusal::content_type(message))
}
