use super::{Answer, Context};
use crate::refusal::Refusal;

/// `PUT /`
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    let name = context.request.project()?;
    let settings = context.json_object()?;
    context
        .face
        .engine
        .update_project(name, settings, context.now)?;
    Ok(Answer::empty())
}
