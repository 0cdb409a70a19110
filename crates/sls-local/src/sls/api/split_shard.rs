use sls_core::model::HashKey;

use super::{Answer, Context};
use crate::engine::SplitAt;
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

/// `POST /logstores/{logstore}/shards/{shard}?action=split` with `key`, or with `shardCount`.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    shard: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let parts = context.request.number("shardCount")?;
    let at = match (context.request.parameter("key"), parts) {
        // Python sends both when it splits into two.
        (Some(key), None | Some(2)) => SplitAt::Key(key_of(key)?),
        (_, Some(parts)) => SplitAt::Parts(parts),
        (None, None) => return Err(Refusal::parameter("parameter key is missing")),
    };
    Answer::json(&logstore.split(shard_id(shard)?, at, context.now)?)
}

fn key_of(text: &str) -> Result<HashKey, Refusal> {
    text.trim()
        .parse()
        .map_err(|cause| Refusal::parameter(format!("invalid mid hash {text:?}: {cause}")))
}
