use super::{Answer, Context};
use crate::refusal::Refusal;

/// `PUT /logstores/{logstore}`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    logstore.update(context.json_object()?, context.now)?;
    Ok(Answer::empty())
}
