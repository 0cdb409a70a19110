use super::{Answer, Context};
use crate::refusal::Refusal;

/// `DELETE /`: with everything in it.
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    context
        .face
        .engine
        .delete_project(context.request.project()?)?;
    Ok(Answer::empty())
}
