use super::{Answer, Context};
use crate::refusal::Refusal;

/// `POST /`: the name is in the host, in the body, or the same in both.
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    let settings = context.json_object()?;
    let in_body = match settings.get("projectName") {
        None => None,
        Some(name) => Some(
            name.as_str()
                .ok_or_else(|| Refusal::parameter("projectName must be a string"))?,
        ),
    };
    let in_host = context.request.project.as_deref();
    let name = match (in_host, in_body) {
        (Some(host), Some(body)) if host != body => {
            let message = format!("projectName {body:?} is not the host's project {host:?}");
            return Err(Refusal::parameter(message));
        }
        (Some(name), _) | (None, Some(name)) => name.to_owned(),
        (None, None) => return Err(Refusal::parameter("projectName is missing")),
    };
    context
        .face
        .engine
        .create_project(&name, settings, context.now)?;
    Ok(Answer::empty())
}
