//! Positions and times of a shard.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use sls_core::model::{CursorPosition, ShardId};
use sls_core::wire::EncodedGroup;

use super::super::Result;
use super::super::groups::expect;
use super::super::samples;
use super::super::world::{Programs, World};

/// Both clients are told the same cursors and times.
///
/// # Errors
/// When they differ, and when a call fails.
pub async fn agree<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("cursors", 1).await?;
    let shard = ShardId(0);
    for group in samples::groups() {
        logstore.put(&EncodedGroup::from(&group)).await?;
    }
    let begin = logstore.cursor(shard, CursorPosition::Begin).await?;
    let end = logstore.cursor(shard, CursorPosition::End).await?;
    let first = logstore.cursor_time(shard, begin.clone()).await?;
    let last = logstore.previous_cursor_time(shard, &end).await?;
    // The service counts whole seconds: at the first group's it is in front of that group.
    let times = [UNIX_EPOCH, first, last + Duration::from_secs(1)];
    let mut at = Vec::new();
    for time in times {
        at.push(logstore.cursor(shard, CursorPosition::At(time)).await?);
    }

    let program = world.program(&world.access(), logstore.name(), "cursors", []);
    let asked = times.map(seconds);
    let answer = program.answer(&json!(asked).to_string()).await?;
    let wanted = json!({
        "begin": begin.as_str(),
        "end": end.as_str(),
        "at": at,
        "begin_time": seconds(first),
        "previous_of_end": seconds(last),
    });
    expect("answers", &answer.result, &wanted)?;
    Ok(answer.calls)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
