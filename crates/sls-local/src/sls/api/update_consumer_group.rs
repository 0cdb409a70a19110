use std::time::Duration;

use serde::Deserialize;

use super::{Answer, Context};
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct Body {
    /// In seconds.
    timeout: Option<u64>,
    order: Option<bool>,
}

/// `PUT /logstores/{logstore}/consumergroups/{group}`: what is not given stays.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    group: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let body: Body = context.json("JsonInfoInvalid")?;
    if body.timeout.is_none() && body.order.is_none() {
        let message = "neither timeout nor order is given";
        return Err(Refusal::bad("JsonInfoInvalid", message));
    }
    logstore.in_groups(context.now, |groups, _| {
        let group = groups.get(group)?;
        let mut settings = group.settings();
        if let Some(seconds) = body.timeout {
            settings.timeout = Duration::from_secs(seconds);
        }
        settings.order = body.order.unwrap_or(settings.order);
        group.update(settings)
    })?;
    Ok(Answer::empty())
}
