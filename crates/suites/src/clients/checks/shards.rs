//! Shards split and merged.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sls_core::model::{HashKey, Log, LogGroup, ShardId};
use sls_core::wire::EncodedGroup;

use super::super::Result;
use super::super::groups::expect;
use super::super::world::{Programs, World, read_shard};
use super::about;

const KEY: &str = "30000000000000000000000000000000";
const HALF: &str = "80000000000000000000000000000000";
const MIN: &str = "00000000000000000000000000000000";
const MAX: &str = "ffffffffffffffffffffffffffffffff";

/// Theirs splits a shard and merges its children; nothing that was put before is lost, and
/// what is put after goes to the shard that is left.
///
/// # Errors
/// When a list is another one or a log is somewhere else, and when a call fails.
pub async fn split_and_merged<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("shards", 2).await?;
    let put = async |name: &'static str| -> Result<()> {
        let group = LogGroup::new(vec![Log::at(1).with("k", name)]);
        logstore
            .put_routed(&EncodedGroup::from(&group), HashKey::MIN)
            .await?;
        Ok(())
    };
    put("before").await?;
    let program = world.program(&world.access(), logstore.name(), "shards", []);
    let answer = program.answer(&json!({"key": KEY}).to_string()).await?;
    put("after").await?;
    let told = &answer.result;
    about(told, check(told))?;

    let shards = logstore.shards().await?;
    let ours: Value = shards
        .iter()
        .map(|shard| {
            let (id, status) = (shard.id, shard.status.to_string());
            json!([id, status, shard.begin.to_string(), shard.end.to_string()])
        })
        .collect();
    expect(
        "our list",
        &json!(set(&ours)),
        &json!(set(&told["after_merge"])),
    )?;
    for (shard, wanted) in [(ShardId(0), "before"), (ShardId(4), "after")] {
        let groups = read_shard(&logstore, shard).await?;
        let contents = groups
            .iter()
            .flat_map(|group| &group.logs)
            .flat_map(|log| &log.contents);
        let found: Vec<_> = contents.map(|content| content.value.to_string()).collect();
        expect(&format!("shard {shard}"), &json!(found), &json!([wanted]))?;
    }
    Ok(answer.calls)
}

fn check(told: &Value) -> Result<()> {
    let parent = json!([0, "readonly", MIN, HALF]);
    let other = json!([1, "readwrite", HALF, MAX]);
    let split = json!([
        parent,
        [2, "readwrite", MIN, KEY],
        [3, "readwrite", KEY, HALF]
    ]);
    expect("split", &told["split"], &split)?;
    let merge = json!([
        [4, "readwrite", MIN, HALF],
        [2, "readonly", MIN, KEY],
        [3, "readonly", KEY, HALF],
    ]);
    expect("merge", &told["merge"], &merge)?;
    for (name, step) in [("after_split", &split), ("after_merge", &merge)] {
        let mut wanted = set(step);
        wanted.extend([parent.to_string(), other.to_string()]);
        expect(name, &json!(set(&told[name])), &json!(wanted))?;
    }
    expect(
        "split again",
        &told["split_closed"],
        &json!("ParameterInvalid"),
    )
}

/// The order of a list is the service's own business.
fn set(list: &Value) -> BTreeSet<String> {
    let shards = list.as_array().into_iter().flatten();
    shards.map(Value::to_string).collect()
}
