use super::{Answer, Context};
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

/// `DELETE /logstores/{logstore}/shards/{shard}`: one that takes no writes.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    shard: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    logstore.delete_shard(shard_id(shard)?, context.now)?;
    Ok(Answer::empty())
}
