use super::{Answer, Context};
use crate::refusal::Refusal;

/// `GET /logstores/{logstore}/index`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    Answer::json(&context.logstore(logstore)?.describe_index()?)
}
