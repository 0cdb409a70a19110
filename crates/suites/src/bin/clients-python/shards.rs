//! Shards split and merged by Python.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sls_core::model::{HashKey, Log, LogGroup, ShardId};
use sls_core::wire::EncodedGroup;
use suites::clients::groups::expect;
use suites::clients::world::read_shard;
use suites::clients::{Failure, Result};

use crate::World;

const KEY: &str = "30000000000000000000000000000000";
const HALF: &str = "80000000000000000000000000000000";
const MIN: &str = "00000000000000000000000000000000";
const MAX: &str = "ffffffffffffffffffffffffffffffff";

/// Python splits a shard and merges its children; nothing that was put before is lost, and
/// what is put after goes to the shard that is left.
pub(crate) async fn split_and_merged(world: &World) -> Result<u64> {
    let logstore = world.logstore("shards", 2).await?;
    let put = async |name: &'static str| -> Result<()> {
        let group = LogGroup::new(vec![Log::at(1).with("k", name)]);
        logstore
            .put_routed(&EncodedGroup::from(&group), HashKey::MIN)
            .await?;
        Ok(())
    };
    put("before").await?;
    let program = world.program(&world.access(), logstore.name(), "shards.py", [KEY]);
    let answer = program.answer("").await?;
    put("after").await?;
    let told = &answer.result;
    check(told).map_err(|failure| -> Failure { format!("{failure} in {told}").into() })?;

    let shards = logstore.shards().await?;
    let ours = shards.iter().map(|shard| {
        let (id, status) = (shard.id, shard.status.to_string());
        json!([id, status, shard.begin.to_string(), shard.end.to_string()])
    });
    let wanted: Value = told["after_merge"]
        .as_array()
        .into_iter()
        .flatten()
        .map(short)
        .collect();
    expect("our list", &ours.collect(), &wanted)?;
    for (shard, wanted) in [(ShardId(0), "before"), (ShardId(4), "after")] {
        let groups = read_shard(&logstore, shard).await?;
        let found: Vec<_> = groups
            .iter()
            .flat_map(|group| &group.logs)
            .flat_map(|log| &log.contents)
            .map(|content| content.value.to_string())
            .collect();
        expect(&format!("shard {shard}"), &json!(found), &json!([wanted]))?;
    }
    Ok(answer.calls)
}

fn check(told: &Value) -> Result<()> {
    let list = |name: &str| -> Value {
        told[name]
            .as_array()
            .into_iter()
            .flatten()
            .map(short)
            .collect()
    };
    let parent = json!([0, "readonly", MIN, HALF]);
    let split = json!([
        parent,
        [2, "readwrite", MIN, KEY],
        [3, "readwrite", KEY, HALF]
    ]);
    expect("split", &list("split"), &split)?;
    let merge = json!([
        [4, "readwrite", MIN, HALF],
        [2, "readonly", MIN, KEY],
        [3, "readonly", KEY, HALF],
    ]);
    expect("merge", &list("merge"), &merge)?;
    // The order of a list is the service's own business.
    let set = |list: &Value| -> BTreeSet<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect()
    };
    let other = json!([1, "readwrite", HALF, MAX]);
    for (name, step) in [("after_split", &split), ("after_merge", &merge)] {
        let mut wanted = set(step);
        wanted.extend([parent.to_string(), other.to_string()]);
        expect(name, &json!(set(&list(name))), &json!(wanted))?;
    }
    expect(
        "split again",
        &told["split_closed"],
        &json!("ParameterInvalid"),
    )
}

fn short(shard: &Value) -> Value {
    json!([
        shard["shardID"],
        shard["status"],
        shard["inclusiveBeginKey"],
        shard["exclusiveEndKey"],
    ])
}
