use super::{Answer, Context};
use crate::refusal::Refusal;

/// `DELETE /logstores/{logstore}`: with everything in it.
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let project = context.request.project()?;
    context.face.engine.delete_logstore(project, logstore)?;
    Ok(Answer::empty())
}
