//! Logs through a producer.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sls_client::LogstoreHandle;

use super::super::Result;
use super::super::groups::expect;
use super::super::program::Answer;
use super::super::world::{Programs, World, read_shard};

const LOGS: u32 = 1000;
const TOPICS: [&str; 3] = ["orders", "支付", "users"];

/// The producer sends its logs in batches and closes; ours finds each of them once, as it was
/// sent, and all callbacks were made.
///
/// # Errors
/// When a log is missing, came twice or differs, and when a call fails.
pub async fn everything_arrives<P: Programs>(world: &World<P>, with: &str) -> Result<u64> {
    let logstore = world.logstore(&format!("producer-{with}"), 2).await?;
    let work = json!({
        "logs": LOGS, "topics": TOPICS, "with": with, "linger_ms": 100, "batch": 100, "keys": [],
    });
    let answer = produce(world, &logstore, &work).await?;
    delivered(&answer, LOGS, 1)?;
    let groups = found_once(&logstore, LOGS).await?;
    // One request for each, where the program could not count them.
    Ok(answer.calls.max(groups))
}

/// Nothing was due yet when the producer is closed; it sends all before it ends.
///
/// # Errors
/// As [`everything_arrives`].
pub async fn closing_flushes<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("producer-close", 1).await?;
    let work = json!({
        "logs": 30, "topics": TOPICS, "with": "lz4", "linger_ms": 50_000, "batch": 4096,
        "keys": [],
    });
    let answer = produce(world, &logstore, &work).await?;
    delivered(&answer, 30, 1)?;
    let groups = found_once(&logstore, 30).await?;
    expect("groups", &json!(groups), &json!(TOPICS.len()))?;
    Ok(answer.calls.max(groups))
}

/// Logs with a key are in one shard, whatever the producer makes of the key.
///
/// # Errors
/// As [`everything_arrives`], and when a key's logs are in two shards.
pub async fn keys_stay_together<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("producer-keys", 4).await?;
    let keys = ["127.0.0.1", "用户", "c", "d", "e", "f", "g"];
    let work = json!({
        "logs": 70, "topics": ["t"], "with": "zstd", "linger_ms": 100, "batch": 4096,
        "keys": keys,
    });
    let answer = produce(world, &logstore, &work).await?;
    delivered(&answer, 70, 1)?;
    let mut shards = BTreeMap::new();
    let mut groups = 0;
    for shard in logstore.shards().await? {
        for group in read_shard(&logstore, shard.id).await? {
            groups += 1;
            for log in &group.logs {
                let mut contents = log.contents.iter();
                let number = contents.find(|field| field.key.as_bytes() == b"number");
                let number = number.ok_or("a log has no number")?.value.to_string();
                let number: usize = number.parse()?;
                let first = *shards.entry(keys[number % keys.len()]).or_insert(shard.id);
                if first != shard.id {
                    return Err(format!("log {number} is not in shard {first}").into());
                }
            }
        }
    }
    expect("keys", &json!(shards.len()), &json!(keys.len()))?;
    let used: std::collections::BTreeSet<_> = shards.values().collect();
    if used.len() < 2 {
        return Err("the keys are all in one shard".into());
    }
    Ok(answer.calls.max(groups))
}

/// The server is busy, and out of quota, a few times; the producer tries again until all
/// logs are there.
///
/// # Errors
/// As [`everything_arrives`], and when the producer noticed nothing.
pub async fn trouble_is_survived<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("producer-trouble", 1).await?;
    for (status, code) in [(503, "ServerBusy"), (403, "WriteQuotaExceed")] {
        let fault = json!({
            "effect": "refuse", "status": status, "code": code, "operation": "PutLogs",
            "logstore": logstore.name(), "times": 3,
        });
        world.inject(&fault).await?;
    }
    let work = json!({
        "logs": 300, "topics": TOPICS, "with": "lz4", "linger_ms": 100, "batch": 50, "keys": [],
        // A producer that is being closed does not try again.
        "wait": true,
    });
    let answer = produce(world, &logstore, &work).await?;
    delivered(&answer, 300, 0)?;
    let groups = found_once(&logstore, 300).await?;
    Ok(answer.calls.max(groups))
}

/// The callbacks tell of logs that cannot be delivered, with the service's code and the id
/// of the request.
///
/// # Errors
/// When they tell something else, and when a call fails.
pub async fn refusals_are_told<P: Programs>(world: &World<P>) -> Result<u64> {
    let program = world.program(&world.access(), "missing", "producer", []);
    let work = json!({
        "logs": 30, "topics": TOPICS, "with": "lz4", "linger_ms": 100, "batch": 4096, "keys": [],
    });
    let answer = program.answer(&work.to_string()).await?;
    let told = &answer.result;
    let found = json!([
        told["delivered"],
        told["refused"],
        told["code"],
        told["request_id"]
    ]);
    expect("callbacks", &found, &json!([0, 30, "LogStoreNotExist", 24]))?;
    Ok(answer.calls)
}

async fn produce<P: Programs>(
    world: &World<P>,
    logstore: &LogstoreHandle,
    work: &Value,
) -> Result<Answer> {
    let program = world.program(&world.access(), logstore.name(), "producer", []);
    program.answer(&work.to_string()).await
}

/// All callbacks were told of success, after so many attempts; 0 for any number above one.
fn delivered(answer: &Answer, logs: u32, attempts: u64) -> Result<()> {
    let told = &answer.result;
    let found = json!([told["delivered"], told["refused"]]);
    expect("callbacks", &found, &json!([logs, 0]))?;
    match told["attempts"].as_u64() {
        Some(told) if told == attempts || (attempts == 0 && told > 1) => Ok(()),
        told => Err(format!("after {told:?} attempts, wanted {attempts}").into()),
    }
}

/// Each log is there once, in one of the groups that are counted, each with its id.
async fn found_once(logstore: &LogstoreHandle, logs: u32) -> Result<u64> {
    let mut found = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    let mut groups = 0;
    for shard in logstore.shards().await? {
        for group in read_shard(logstore, shard.id).await? {
            groups += 1;
            let topic = group.topic.as_ref().map(ToString::to_string);
            let source = group.source.as_ref().map(ToString::to_string);
            let mut tags = group.tags.iter();
            if let Some(id) = tags.find(|tag| tag.key.as_bytes() == b"__pack_id__") {
                ids.insert(id.value.to_string());
            }
            for log in &group.logs {
                let mut contents: Vec<_> = log
                    .contents
                    .iter()
                    .map(|field| [field.key.to_string(), field.value.to_string()])
                    .collect();
                // The Go producer takes the fields as a map.
                contents.sort();
                let row = json!([log.time, topic, source, contents]);
                if let Some(twice) = found.insert(log.time, row) {
                    return Err(format!("came twice: {twice}").into());
                }
            }
        }
    }
    let found: Value = found.into_values().collect();
    let wanted: Value = (0..logs)
        .map(|n| {
            let topic = TOPICS[n as usize % TOPICS.len()];
            let contents = json!([["message", "付款 ✅"], ["number", n.to_string()]]);
            json!([1_700_000_000 + n, topic, "10.0.0.2", contents])
        })
        .collect();
    expect("logs", &found, &wanted)?;
    expect("ids of groups", &json!(ids.len()), &json!(groups))?;
    Ok(groups)
}
