//! What one client puts, the other pulls.

use serde_json::{Value, json};
use sls_core::model::{HashKey, Log, LogGroup, ShardId};
use sls_core::wire::{Compression, EncodedGroup};

use super::super::Result;
use super::super::groups::{expect, to_json};
use super::super::samples;
use super::super::world::{Access, PROJECT, Programs, REGION, World, read_shard};

/// Theirs puts these groups in one way; ours pulls them back as they should arrive.
///
/// # Errors
/// When something else arrived, and when a call fails.
pub async fn from_theirs<P: Programs>(
    world: &World<P>,
    with: &str,
    groups: &[LogGroup],
) -> Result<u64> {
    let logstore = world.logstore(&format!("from-theirs-{with}"), 1).await?;
    let puts = puts(groups);
    let calls = put(world, &world.access(), logstore.name(), with, &puts).await?;
    let found = read_shard(&logstore, ShardId(0)).await?;
    expect("groups", &all_json(&found), &all_json(groups))?;
    Ok(calls)
}

/// Theirs names a hash key, and the group is in the shard that takes it.
///
/// # Errors
/// When it is somewhere else, and when a call fails.
pub async fn routed_from_theirs<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("from-theirs-routed", 4).await?;
    let keys = ["0", "5F", "7fffffffffffffffffffffffffffffff", "80", "FF"];
    let sample = samples::groups().swap_remove(0);
    let keyed = |key: &str| sample.clone().with_tag("key", key);
    let puts: Vec<_> = keys
        .iter()
        .map(|key| json!({"group": to_json(&keyed(key)), "key": key}))
        .collect();
    let calls = put(world, &world.access(), logstore.name(), "lz4", &puts).await?;
    for shard in logstore.shards().await? {
        let mut wanted = Vec::new();
        for key in keys {
            if shard.takes(key.parse::<HashKey>()?) {
                wanted.push(keyed(key));
            }
        }
        let found = read_shard(&logstore, shard.id).await?;
        let what = format!("groups of {shard}");
        expect(&what, &all_json(&found), &all_json(&wanted))?;
    }
    Ok(calls)
}

/// How our client puts, and in what compression theirs asks for the answer.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    compression: Compression,
    v4: bool,
    receiver: &'static str,
}

/// Every compression and signature of ours, every compression that theirs asks for.
pub const PAIRS: [Pair; 4] = [
    Pair::new(Compression::Lz4, false, "lz4"),
    Pair::new(Compression::Zstd, true, "zstd"),
    Pair::new(Compression::Deflate, true, "lz4"),
    Pair::new(Compression::None, false, "zstd"),
];

impl Pair {
    const fn new(compression: Compression, v4: bool, receiver: &'static str) -> Self {
        Self {
            compression,
            v4,
            receiver,
        }
    }

    /// The name of the check.
    pub fn name(self) -> String {
        let compression = self.compression.name().unwrap_or("plain");
        let version = if self.v4 { "v4" } else { "v1" };
        let receiver = self.receiver;
        format!("ours puts ({version} {compression}), theirs pulls ({receiver})")
    }

    /// Ours puts every sample, theirs pulls them back, and knows the cursor of each.
    ///
    /// # Errors
    /// When something else arrived, and when a call fails.
    pub async fn arrives<P: Programs>(self, world: &World<P>) -> Result<u64> {
        let compression = self.compression.name().unwrap_or("plain");
        let name = format!("from-ours-{compression}-{}", self.receiver);
        world.logstore(&name, 1).await?;
        let mut builder = world.builder().with_compression(self.compression);
        let mut access = world.access();
        if self.v4 {
            builder = builder.with_signature_v4(Some(REGION))?;
            access = world.access_v4();
        }
        let logstore = builder.build()?.logstore(PROJECT, &name);
        let groups = samples::rust_groups();
        let mut cursors = Vec::new();
        for group in &groups {
            cursors.push(logstore.cursor(ShardId(0), END).await?);
            logstore.put(&EncodedGroup::from(group)).await?;
        }
        let (shards, calls) = pull(world, &access, &name, self.receiver, None).await?;
        expect("groups", &shards[0]["groups"], &all_json(&groups))?;
        expect("cursors", &shards[0]["cursors"], &json!(cursors))?;
        Ok(calls)
    }
}

const END: sls_core::model::CursorPosition = sls_core::model::CursorPosition::End;

/// Theirs puts and pulls with one way of being let in.
///
/// # Errors
/// When something else arrived, and when a call fails.
pub async fn round_trip<P: Programs>(
    world: &World<P>,
    access: &Access,
    groups: &[LogGroup],
) -> Result<u64> {
    let name = format!("round-trip-{access}").replace([' ', ','], "-");
    world.logstore(&name, 1).await?;
    let put_calls = put(world, access, &name, "lz4", &puts(groups)).await?;
    let (shards, pull_calls) = pull(world, access, &name, "lz4", None).await?;
    expect("groups", &shards[0]["groups"], &all_json(groups))?;
    Ok(put_calls + pull_calls)
}

/// Theirs pulls what a query keeps, and is told how many lines that was of how many.
///
/// # Errors
/// When it got something else, and when a call fails.
pub async fn through_query<P: Programs>(world: &World<P>) -> Result<u64> {
    const LOGS: u32 = 50;
    let logstore = world.logstore("through-query", 1).await?;
    for n in 0..LOGS {
        let group = LogGroup::new(vec![Log::at(n).with("n", n.to_string())])
            .with_topic("t")
            .with_source("s");
        logstore.put(&EncodedGroup::from(&group)).await?;
    }
    // The first pulls keep nothing, and their cursors lead on.
    let query = "* | where cast(n as bigint) >= 45 | extend twice = cast(n as bigint) * 2";
    let (shards, calls) = pull(world, &world.access(), logstore.name(), "lz4", Some(query)).await?;
    let found: Vec<_> = shards[0]["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| group["logs"].as_array().cloned().unwrap_or_default())
        .map(|log| log["contents"].clone())
        .collect();
    let wanted: Vec<_> = (45..LOGS)
        .map(|n| json!([["n", n.to_string()], ["twice", (n * 2).to_string()]]))
        .collect();
    expect("kept", &json!(found), &json!(wanted))?;
    let lines = json!([shards[0]["lines_seen"], shards[0]["lines_kept"]]);
    expect("lines", &lines, &json!([LOGS, LOGS - 45]))?;
    Ok(calls)
}

fn puts(groups: &[LogGroup]) -> Vec<Value> {
    let puts = groups.iter();
    puts.map(|group| json!({"group": to_json(group), "key": null}))
        .collect()
}

async fn put<P: Programs>(
    world: &World<P>,
    access: &Access,
    logstore: &str,
    with: &str,
    puts: &[Value],
) -> Result<u64> {
    let program = world.program(access, logstore, "put", []);
    let input = json!({"with": with, "puts": puts});
    let answer = program.answer(&input.to_string()).await?;
    Ok(answer.calls)
}

async fn pull<P: Programs>(
    world: &World<P>,
    access: &Access,
    logstore: &str,
    with: &str,
    query: Option<&str>,
) -> Result<(Value, u64)> {
    let program = world.program(access, logstore, "pull", []);
    let wanted = json!({"with": with, "query": query, "count": 3});
    let answer = program.answer(&wanted.to_string()).await?;
    Ok((answer.result, answer.calls))
}

fn all_json(groups: &[LogGroup]) -> Value {
    groups.iter().map(to_json).collect()
}
