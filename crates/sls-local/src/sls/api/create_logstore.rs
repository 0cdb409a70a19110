use super::{Answer, Context};
use crate::refusal::Refusal;

/// `POST /logstores`
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    let project = context.request.project()?;
    let settings = context.json_object()?;
    if !settings.contains_key("logstoreName") {
        let message = "required parameter logstoreName is missing";
        return Err(Refusal::bad("LogStoreInfoInvalid", message));
    }
    context
        .face
        .engine
        .create_logstore(project, settings, context.now)?;
    Ok(Answer::empty())
}
