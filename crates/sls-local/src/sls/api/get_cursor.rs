use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use sls_core::model::{Cursor, CursorPosition};

use super::{Answer, Context};
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

#[derive(Serialize)]
struct Body {
    cursor: Cursor,
}

/// `GET /logstores/{logstore}/shards/{shard}?type=cursor&from={begin|end|seconds}`
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    shard: &str,
) -> Result<Answer, Refusal> {
    let logstore = context.logstore(logstore)?;
    let from = position(context.request.parameter("from").unwrap_or_default())?;
    let position = logstore.cursor(shard_id(shard)?, from, context.now)?;
    Answer::json(&Body {
        cursor: Cursor::at_position(position),
    })
}

fn position(text: &str) -> Result<CursorPosition, Refusal> {
    match text {
        "begin" => Ok(CursorPosition::Begin),
        "end" => Ok(CursorPosition::End),
        _ => text
            .parse()
            .ok()
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .map(CursorPosition::At)
            .ok_or_else(|| Refusal::parameter("Parameter From is not valid")),
    }
}
