use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sls_core::model::{Cursor, CursorPosition};

use super::{Call, Returned};

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let Call { args, logstore, .. } = call;
    match call.name {
        "get_cursor" => {
            args.known(&["shard", "from"])?;
            let from = position(args.value("from"))?;
            let got = logstore.cursor(args.shard()?, from).await;
            Ok(got.map(|cursor| json!({ "cursor": cursor.as_str() })))
        }
        "get_begin_cursor" | "get_end_cursor" => {
            args.known(&["shard"])?;
            let from = match call.name {
                "get_begin_cursor" => CursorPosition::Begin,
                _ => CursorPosition::End,
            };
            let got = logstore.cursor(args.shard()?, from).await;
            Ok(got.map(|cursor| json!({ "cursor": cursor.as_str() })))
        }
        "get_cursor_time" => {
            args.known(&["shard", "cursor"])?;
            let cursor = Cursor::new(args.text("cursor"));
            let got = logstore.cursor_time(args.shard()?, cursor).await;
            Ok(got.map(cursor_time))
        }
        "get_previous_cursor_time" => {
            args.known(&["shard", "cursor", "normalize"])?;
            let cursor = Cursor::new(args.text("cursor"));
            let shard = args.shard()?;
            let previous = cursor.position().and_then(|at| at.checked_sub(1));
            let got = match (args.flag("normalize"), previous) {
                (Some(false), Some(at)) => {
                    logstore.cursor_time(shard, Cursor::at_position(at)).await
                }
                _ => logstore.previous_cursor_time(shard, &cursor).await,
            };
            Ok(got.map(cursor_time))
        }
        _ => Err(call.pending()),
    }
}

pub(super) fn position(from: &Value) -> Result<CursorPosition, String> {
    let seconds = |seconds: u64| CursorPosition::At(UNIX_EPOCH + Duration::from_secs(seconds));
    match from {
        Value::Number(number) => number.as_u64().map(seconds),
        Value::String(text) if text == "begin" => Some(CursorPosition::Begin),
        Value::String(text) if text == "end" => Some(CursorPosition::End),
        Value::String(text) => text.parse().ok().map(seconds),
        _ => None,
    }
    .ok_or_else(|| format!("{from} is not a position"))
}

pub(super) fn cursor_time(time: SystemTime) -> Value {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({ "cursor_time": since.as_secs() })
}
