use http::{HeaderName, header};
use sls_core::model::HashKey;
use sls_core::wire::headers;

use super::{Answer, Context};
use crate::engine::{Put, PutRoute};
use crate::refusal::Refusal;
use crate::sls::body;

/// Where older clients put the hash key, on the path for balanced puts.
const HASH_KEY: HeaderName = HeaderName::from_static("x-log-hashkey");

/// `POST /logstores/{logstore}/shards/lb`, `POST /logstores/{logstore}` and, with a hash
/// key, `POST /logstores/{logstore}/shards/route`.
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
    check_content_type(context)?;
    let engine = &context.face.engine;
    let group = body::raw(request, engine.put_rules().max_group_bytes)?;
    let put = Put {
        group,
        packed: body::packed(request),
        route,
    };
    let receipt = context.put(&logstore, put)?;
    Ok(Answer::empty().once(receipt))
}

fn parse_key(text: &str) -> Result<PutRoute, Refusal> {
    let key: HashKey = text
        .trim()
        .parse()
        .map_err(|cause| Refusal::parameter(format!("invalid hash key {text:?}: {cause}")))?;
    Ok(PutRoute::Key(key))
}

fn check_content_type(context: &Context<'_>) -> Result<(), Refusal> {
    let Some(given) = context.request.header(&header::CONTENT_TYPE) else {
        // A body without a type is refused where it is read.
        return Ok(());
    };
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(headers::PROTOBUF) {
        return Ok(());
    }
    let message = format!(
        "Content-Type {given} is unsupported, it must be {}.",
        headers::PROTOBUF
    );
    Err(Refusal::content_type(message))
}
