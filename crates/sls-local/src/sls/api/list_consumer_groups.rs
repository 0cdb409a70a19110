use serde::Serialize;

use super::{Answer, Context};
use crate::engine::group::GroupSettings;
use crate::refusal::Refusal;

#[derive(Serialize)]
struct Entry {
    /// Here it is `name`, in a request to make one `consumerGroup`.
    name: String,
    /// In seconds.
    timeout: u64,
    order: bool,
}

/// `GET /logstores/{logstore}/consumergroups`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let entries = logstore.in_groups(context.now, |groups, _| {
        let entry = |(name, settings): (&str, GroupSettings)| Entry {
            name: name.to_owned(),
            timeout: settings.timeout.as_secs(),
            order: settings.order,
        };
        Ok(groups.list().map(entry).collect::<Vec<_>>())
    })?;
    Answer::json(&entries)
}
