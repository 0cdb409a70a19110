use super::{Answer, Context};
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

/// `POST /logstores/{logstore}/shards/{shard}?action=merge`: with its right neighbour.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    shard: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    Answer::json(&logstore.merge(shard_id(shard)?, context.now)?)
}
