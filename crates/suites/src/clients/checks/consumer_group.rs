//! A consumer group of two, call by call.

use serde_json::{Value, json};
use sls_core::model::{CursorPosition, ShardId};

use super::super::Result;
use super::super::groups::expect;
use super::super::world::{Programs, World};
use super::about;

/// Theirs makes a group, divides two shards between two consumers, saves where it is, and
/// deletes the group.
///
/// # Errors
/// When a step was told something else, and when a call fails.
pub async fn of_two<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("consumer-group", 2).await?;
    let cursor = logstore.cursor(ShardId(0), CursorPosition::Begin).await?;
    let program = world.program(&world.access(), logstore.name(), "consumer-group", []);
    let answer = program.answer(&json!(cursor).to_string()).await?;
    let told = &answer.result;
    about(told, check(told, cursor.as_str()))?;
    Ok(answer.calls)
}

fn check(told: &Value, cursor: &str) -> Result<()> {
    let group = |timeout: u32, order: bool| json!([["readers", timeout, order]]);
    let keeps = &told["first_keeps"];
    let (kept, given) = if *keeps == json!([0]) { (0, 1) } else { (1, 0) };
    let holder = |shard: i32| if shard == kept { "first" } else { "second" };
    let wanted = json!({
        "create": null,
        "create_again": "ConsumerGroupAlreadyExist",
        "created": group(30, false),
        "update": null,
        "updated": group(60, true),
        "unknown": "NotExistConsumerWithBody",
        "alone": [0, 1],
        "second_waits": [],
        "first_gives_up": [kept],
        "first_keeps": [kept],
        "second_gets": [given],
        // Nothing was saved yet, so by nobody.
        "before": [[0, "", ""], [1, "", ""]],
        "saved_by_other": "ConsumerNotMatch",
        "saved": null,
        "after": [[0, cursor, holder(0)], [1, "", ""]],
        "delete": null,
        "deleted": [],
    });
    expect("answers", told, &wanted)
}
