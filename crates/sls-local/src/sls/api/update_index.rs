use super::{Answer, Context};
use crate::refusal::Refusal;

/// `PUT /logstores/{logstore}/index`: the new settings replace the old ones.
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    logstore.update_index(context.json_object()?, context.now)?;
    Ok(Answer::empty())
}
