use serde::Deserialize;
use sls_core::model::ShardId;

use super::{Answer, Context};
use crate::engine::group::Save;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct Body {
    shard: ShardId,
    checkpoint: String,
}

/// `POST /logstores/{logstore}/consumergroups/{group}?type=checkpoint`, with `consumer` and
/// `forceSuccess`
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    group: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let body: Body = context.json("JsonInfoInvalid")?;
    let save = Save {
        shard: body.shard,
        checkpoint: &body.checkpoint,
        consumer: context.request.parameter("consumer"),
        force: context.request.flag("forceSuccess")?.unwrap_or(false),
    };
    logstore.in_groups(context.now, |groups, shards| {
        groups.get(group)?.save(save, shards, context.now)
    })?;
    Ok(Answer::empty())
}
