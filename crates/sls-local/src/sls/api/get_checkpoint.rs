use super::{Answer, Context};
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

/// `GET /logstores/{logstore}/consumergroups/{group}`: all shards, or the one that `shard`
/// names; none when there is no such shard.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    group: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let wanted = context.request.parameter("shard").map(shard_id);
    let wanted = wanted.transpose()?;
    let mut checkpoints = logstore.in_groups(context.now, |groups, shards| {
        Ok(groups.get(group)?.checkpoints(shards, context.now))
    })?;
    checkpoints.retain(|checkpoint| wanted.is_none_or(|shard| checkpoint.shard == shard));
    Answer::json(&checkpoints)
}
