//! What one client puts, the other pulls.

use serde_json::{Value, json};
use sls_core::model::{Log, LogGroup, ShardId};
use sls_core::wire::{Compression, EncodedGroup};
use suites::clients::Result;
use suites::clients::groups::{expect, to_json};
use suites::clients::samples;
use suites::clients::world::{Access, PROJECT, REGION, read_shard};

use crate::World;

/// How our client puts; the official one asks for LZ4 always, and signs with version 1.
pub(crate) const SENDERS: [(Compression, bool); 3] = [
    (Compression::Lz4, false),
    (Compression::Zstd, false),
    (Compression::Deflate, true),
];

/// The name of a check of [`from_ours`].
pub(crate) fn name(compression: Compression, v4: bool) -> String {
    let compression = compression.name().unwrap_or("plain");
    let version = if v4 { "v4" } else { "v1" };
    format!("ours puts ({version} {compression}), theirs pulls")
}

/// Theirs puts every sample, ours pulls them back.
pub(crate) async fn from_theirs(world: &World) -> Result<u64> {
    let logstore = world.logstore("from-theirs", 1).await?;
    let groups = groups();
    let calls = put(world, &world.access(), logstore.name(), &groups).await?;
    let found = read_shard(&logstore, ShardId(0)).await?;
    expect("groups", &all_json(&found), &all_json(&groups))?;
    Ok(calls)
}

/// Ours puts every sample, theirs pulls them back.
pub(crate) async fn from_ours(world: &World, compression: Compression, v4: bool) -> Result<u64> {
    let name = format!("from-ours-{}", compression.name().unwrap_or("plain"));
    world.logstore(&name, 1).await?;
    let mut builder = world.builder().with_compression(compression);
    if v4 {
        builder = builder.with_signature_v4(Some(REGION))?;
    }
    let logstore = builder.build()?.logstore(PROJECT, &name);
    let groups = groups();
    for group in &groups {
        logstore.put(&EncodedGroup::from(group)).await?;
    }
    let (shards, calls) = pull(world, &world.access(), &name, None).await?;
    expect("groups", &shards[0]["groups"], &all_json(&groups))?;
    Ok(calls + groups.len() as u64)
}

/// Theirs puts and pulls with one way of being let in.
pub(crate) async fn round_trip(world: &World, access: &Access) -> Result<u64> {
    let name = format!("round-trip-{access}").replace([' ', ','], "-");
    world.logstore(&name, 1).await?;
    let groups = groups();
    let put_calls = put(world, access, &name, &groups).await?;
    let (shards, pull_calls) = pull(world, access, &name, None).await?;
    expect("groups", &shards[0]["groups"], &all_json(&groups))?;
    Ok(put_calls + pull_calls)
}

/// Theirs pulls what a query keeps; it does not say how the query is meant, and the server
/// knows nevertheless.
pub(crate) async fn through_query(world: &World) -> Result<u64> {
    const LOGS: u32 = 50;
    let logstore = world.logstore("through-query", 1).await?;
    let group = |n: u32| {
        LogGroup::new(vec![Log::at(n).with("n", n.to_string())])
            .with_topic("t")
            .with_source("s")
    };
    for n in 0..LOGS {
        logstore.put(&EncodedGroup::from(&group(n))).await?;
    }
    // The first pulls keep nothing, and their cursors lead on.
    let query = "* | where cast(n as bigint) >= 45";
    let (shards, calls) = pull(world, &world.access(), logstore.name(), Some(query)).await?;
    let found: Vec<_> = shards[0]["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| group["logs"].as_array().cloned().unwrap_or_default())
        .map(|log| log["contents"].clone())
        .collect();
    let wanted: Vec<_> = (45..LOGS).map(|n| json!([["n", n.to_string()]])).collect();
    expect("kept", &json!(found), &json!(wanted))?;
    let lines = json!([shards[0]["lines_seen"], shards[0]["lines_kept"]]);
    expect("lines", &lines, &json!([LOGS, LOGS - 45]))?;
    Ok(calls)
}

/// The samples; theirs can leave out topic and source, too.
fn groups() -> Vec<LogGroup> {
    let mut groups = samples::groups();
    groups.push(LogGroup::new(vec![Log::at(5).with("no", "topic")]));
    groups.push(LogGroup::new(vec![Log::at(6)]).with_topic("no fields"));
    groups
}

async fn put(world: &World, access: &Access, logstore: &str, groups: &[LogGroup]) -> Result<u64> {
    let program = world.program(access, logstore, "put", []);
    let answer = program.answer(&all_json(groups).to_string()).await?;
    Ok(answer.calls)
}

async fn pull(
    world: &World,
    access: &Access,
    logstore: &str,
    query: Option<&str>,
) -> Result<(Value, u64)> {
    let program = world.program(access, logstore, "pull", []);
    let wanted = json!({"query": query, "count": 3});
    let answer = program.answer(&wanted.to_string()).await?;
    Ok((answer.result, answer.calls))
}

fn all_json(groups: &[LogGroup]) -> Value {
    groups.iter().map(to_json).collect()
}
