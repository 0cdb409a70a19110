use std::collections::BTreeSet;

use sls_core::model::ShardId;

use super::{Answer, Context};
use crate::refusal::Refusal;

/// `POST /logstores/{logstore}/consumergroups/{group}?type=heartbeat&consumer={consumer}`
///
/// The body is a bare list of shard numbers, and so is the answer.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    group: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let consumer = context.request.parameter("consumer").unwrap_or_default();
    let reported: BTreeSet<ShardId> = context.json("JsonInfoInvalid")?;
    let held = logstore.in_groups(context.now, |groups, shards| {
        let group = groups.get(group)?;
        group.heartbeat(consumer, reported, shards, context.now)
    })?;
    Answer::json(&held)
}
