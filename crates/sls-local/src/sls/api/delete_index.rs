use super::{Answer, Context};
use crate::refusal::Refusal;

/// `DELETE /logstores/{logstore}/index`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    context.logstore(logstore)?.delete_index()?;
    Ok(Answer::empty())
}
