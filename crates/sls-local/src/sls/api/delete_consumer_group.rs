use super::{Answer, Context};
use crate::refusal::Refusal;

/// `DELETE /logstores/{logstore}/consumergroups/{group}`: with its checkpoints.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    group: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    logstore.in_groups(context.now, |groups, _| groups.delete(group))?;
    Ok(Answer::empty())
}
