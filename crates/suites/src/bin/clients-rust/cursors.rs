//! Shards and positions.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use sls_core::model::{CursorPosition, ShardId};
use sls_core::wire::EncodedGroup;
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::samples;

use crate::World;

/// Both clients are told the same shards and cursors.
pub(crate) async fn agree(world: &World) -> Result<u64> {
    let logstore = world.logstore("cursors", 3).await?;
    for group in samples::groups() {
        logstore
            .put_routed(&EncodedGroup::from(&group), "0".parse()?)
            .await?;
    }
    let shard = ShardId(0);
    let begin = logstore.cursor(shard, CursorPosition::Begin).await?;
    let end = logstore.cursor(shard, CursorPosition::End).await?;
    let first = logstore.cursor_time(shard, begin.clone()).await?;
    let mut at = Vec::new();
    for time in [UNIX_EPOCH, first, first + Duration::from_secs(3600)] {
        at.push(logstore.cursor(shard, CursorPosition::At(time)).await?);
    }
    let seconds = first.duration_since(UNIX_EPOCH)?.as_secs();

    let program = world.program(&world.access(), logstore.name(), "cursors", []);
    let asked = json!([0, seconds, seconds + 3600]);
    let answer = program.answer(&asked.to_string()).await?;
    let shards: Value = logstore
        .shards()
        .await?
        .iter()
        .map(|shard| {
            json!([
                shard.id,
                shard.status.to_string(),
                shard.begin,
                shard.end,
                shard.create_time,
            ])
        })
        .collect();
    let wanted = json!({
        "shards": shards,
        "begin": begin.as_str(),
        "end": end.as_str(),
        "at": at,
    });
    expect("answers", &answer.result, &wanted)?;
    expect(
        "number of shards",
        &json!(shards.as_array().map(Vec::len)),
        &json!(3),
    )?;
    Ok(answer.calls)
}
