use std::time::Duration;

use serde::Deserialize;

use super::{Answer, Context};
use crate::engine::group::GroupSettings;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "consumerGroup")]
    name: String,
    /// In seconds.
    timeout: u64,
    #[serde(default)]
    order: bool,
}

/// `POST /logstores/{logstore}/consumergroups`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let body: Body = context.json("JsonInfoInvalid")?;
    let settings = GroupSettings {
        timeout: Duration::from_secs(body.timeout),
        order: body.order,
    };
    logstore.in_groups(context.now, |groups, _| groups.create(&body.name, settings))?;
    Ok(Answer::empty())
}
