use super::{Answer, Context};
use crate::refusal::Refusal;

/// `GET /logstores/{logstore}/shards`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    Answer::json(&context.logstore(logstore)?.shards(context.now)?)
}
