//! Projects and logstores made by Python.

use serde_json::{Value, json};
use suites::clients::groups::expect;
use suites::clients::{Failure, Result};

use crate::World;

const PROJECT: &str = "made-by-python";
const LOGSTORE: &str = "made_by-python";

/// Python makes a project and a logstore; both clients see what it asked for.
pub(crate) async fn made_by_python(world: &World) -> Result<u64> {
    let program = world.program_in(PROJECT, &world.access(), LOGSTORE, "resources.py", []);
    let answer = program.answer("").await?;
    let told = &answer.result;
    check(told).map_err(|failure| -> Failure { format!("{failure} in {told}").into() })?;

    let project = world.client.project(PROJECT).get().await?;
    let said = json!([project.name, project.description, project.status]);
    let wanted = json!([PROJECT, "made by Python", "Normal"]);
    expect("project", &said, &wanted)?;
    let logstore = world.client.logstore(PROJECT, LOGSTORE).get().await?;
    let said = json!([logstore.name, logstore.ttl, logstore.shard_count]);
    expect("logstore", &said, &json!([LOGSTORE, 7, 3]))?;
    Ok(answer.calls)
}

fn check(told: &Value) -> Result<()> {
    let wanted = json!([
        PROJECT,
        "made by Python",
        1,
        1,
        PROJECT,
        LOGSTORE,
        7,
        3,
        true,
        64,
        {"count": 1, "total": 1, "logstores": [LOGSTORE]},
        3,
    ]);
    let found = json!([
        told["get_project"]["projectName"],
        told["get_project"]["description"],
        told["list_project"]["count"],
        told["list_project"]["total"],
        told["list_project"]["projects"][0]["projectName"],
        told["get_logstore"]["logstoreName"],
        told["get_logstore"]["ttl"],
        told["get_logstore"]["shardCount"],
        told["get_logstore"]["autoSplit"],
        told["get_logstore"]["maxSplitShard"],
        told["list_logstore"],
        told["list_shards"].as_array().map(Vec::len),
    ]);
    expect("answers", &found, &wanted)
}
