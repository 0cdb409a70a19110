//! Positions and times of a shard.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use sls_core::model::{CursorPosition, ShardId};
use sls_core::wire::EncodedGroup;
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::samples;

use crate::World;

/// Both clients are told the same cursors and times.
pub(crate) async fn agree(world: &World) -> Result<u64> {
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
    let asked: Vec<_> = times
        .iter()
        .map(|time| seconds(*time).to_string())
        .collect();
    let program = world.program(
        &world.access(),
        logstore.name(),
        "cursors.py",
        asked.iter().map(String::as_str),
    );
    let answer = program.answer("").await?;

    let mut told = answer.result;
    // Nothing is at the end yet, so its time is the time of asking.
    let end_time = told["end_time"].take();
    if end_time.as_u64().is_none_or(|time| time < seconds(last)) {
        return Err(format!("the end is at {end_time}, the last group at {last:?}").into());
    }
    let wanted = json!({
        "begin": begin.as_str(),
        "end": end.as_str(),
        "at": at,
        "begin_time": seconds(first),
        "end_time": null,
        "previous_of_end": seconds(last),
        "previous_of_begin": seconds(first),
    });
    expect("cursors", &told, &wanted)?;
    let positions = [&at[0], &at[1], &at[2]];
    if positions != [&begin, &begin, &end] {
        return Err(format!("times gave {positions:?} between {begin} and {end}").into());
    }
    Ok(answer.calls)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
