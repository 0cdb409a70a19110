use super::{Answer, Context};
use crate::refusal::Refusal;

/// `POST /logstores/{logstore}/index`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    logstore.create_index(context.json_object()?, context.now)?;
    Ok(Answer::empty())
}
