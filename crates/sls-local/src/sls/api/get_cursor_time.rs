use serde::Serialize;

use super::{Answer, Context};
use crate::engine::unix_seconds;
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

#[derive(Serialize)]
struct Body {
    cursor_time: u64,
}

/// `GET /logstores/{logstore}/shards/{shard}?type=cursor_time&cursor={cursor}`
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    shard: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let position = context.request.cursor("cursor")?;
    let position = position.ok_or_else(|| Refusal::parameter("parameter cursor is missing"))?;
    let time = logstore.cursor_time(shard_id(shard)?, position, context.now)?;
    Answer::json(&Body {
        cursor_time: unix_seconds(time),
    })
}
