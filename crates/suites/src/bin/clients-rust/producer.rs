//! Logs through the official producer.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::world::read_shard;

use crate::World;

/// How it may compress.
pub(crate) const COMPRESSIONS: [&str; 2] = ["lz4", "zstd"];

const LOGS: u32 = 1000;
const TOPICS: [&str; 3] = ["orders", "支付", "users"];

/// The producer sends its logs and closes; ours finds each of them once, as it was sent.
pub(crate) async fn everything_arrives(world: &World, compression: &str) -> Result<u64> {
    let logstore = world
        .logstore(&format!("producer-{compression}"), 2)
        .await?;
    let program = world.program(&world.access(), logstore.name(), "producer", []);
    let work = json!({"logs": LOGS, "topics": TOPICS, "compression": compression});
    let answer = program.answer(&work.to_string()).await?;
    let wanted = json!({"delivered": LOGS, "refused": 0});
    expect("callbacks", &answer.result, &wanted)?;

    let mut found = BTreeMap::new();
    let mut groups = 0;
    for shard in logstore.shards().await? {
        for group in read_shard(&logstore, shard.id).await? {
            groups += 1;
            let topic = group.topic.as_ref().map(ToString::to_string);
            let source = group.source.as_ref().map(ToString::to_string);
            for log in &group.logs {
                let contents: Vec<_> = log
                    .contents
                    .iter()
                    .map(|field| [field.key.to_string(), field.value.to_string()])
                    .collect();
                let row = json!([log.time, topic, source, contents]);
                if let Some(twice) = found.insert(log.time, row) {
                    return Err(format!("came twice: {twice}").into());
                }
            }
        }
    }
    let found: Value = found.into_values().collect();
    let wanted: Value = (0..LOGS)
        .map(|n| {
            let topic = TOPICS[n as usize % TOPICS.len()];
            let contents = json!([["number", n.to_string()], ["message", "付款 ✅"]]);
            json!([1_700_000_000 + n, topic, "10.0.0.2", contents])
        })
        .collect();
    expect("logs", &found, &wanted)?;
    // One call for each group: none was refused, and none came twice.
    Ok(groups)
}
