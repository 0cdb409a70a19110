//! What one client puts, the other pulls.

use std::fmt;

use serde_json::{Value, json};
use sls_core::model::{HashKey, LogGroup, ShardId};
use sls_core::wire::{Compression, EncodedGroup};
use suites::clients::Result;
use suites::clients::groups::{expect, to_json};
use suites::clients::samples;
use suites::clients::world::{Access, PROJECT, REGION, read_shard};

use crate::World;

/// How Python puts; see `put_groups.py`.
pub(crate) const METHODS: [&str; 4] = ["plain", "lz4", "zstd", "raw"];

/// Python puts every sample in one way, our client pulls them back.
pub(crate) async fn from_python(world: &World, method: &str) -> Result<u64> {
    let name = format!("from-python-{method}");
    let logstore = world.logstore(&name, 1).await?;
    let mut groups = samples::groups();
    if method == "raw" {
        groups.push(samples::not_utf8());
    }
    let puts: Vec<_> = groups
        .iter()
        .map(|group| json!({"with": method, "group": to_json(group), "key": null}))
        .collect();
    let calls = put(world, &world.access(), &name, &puts).await?;
    let found = read_shard(&logstore, ShardId(0)).await?;
    expect("groups", &all_json(&found), &all_json(&groups))?;
    Ok(calls)
}

/// Python names a hash key, and the group is in the shard that takes it.
pub(crate) async fn routed_from_python(world: &World) -> Result<u64> {
    let logstore = world.logstore("from-python-routed", 4).await?;
    let shards = logstore.shards().await?;
    let sample = samples::groups().swap_remove(0);
    let keys = ["0", "5F", "7fffffffffffffffffffffffffffffff", "80", "FF"];
    let puts: Vec<_> = keys
        .iter()
        .map(|key| {
            let group = sample.clone().with_tag("key", *key);
            json!({"with": "lz4", "group": to_json(&group), "key": key})
        })
        .collect();
    let calls = put(world, &world.access(), logstore.name(), &puts).await?;
    for shard in &shards {
        let mut wanted = Vec::new();
        for key in keys {
            if shard.takes(key.parse::<HashKey>()?) {
                wanted.push(sample.clone().with_tag("key", key));
            }
        }
        let found = read_shard(&logstore, shard.id).await?;
        let what = format!("groups of {shard}");
        expect(&what, &all_json(&found), &all_json(&wanted))?;
    }
    Ok(calls)
}

/// How our client puts.
#[derive(Debug)]
pub(crate) struct Sender {
    compression: Compression,
    v4: bool,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.v4 { "v4" } else { "v1" };
        write!(f, "{version} {}", shown(self.compression))
    }
}

/// What Python wants the answer compressed with; see `pull_groups.py`.
type Receiver = &'static str;

/// Every compression and signature of ours, every compression of Python's.
pub(crate) fn pairs() -> [(Sender, Receiver); 6] {
    let pair = |v4, compression, receiver| (Sender { compression, v4 }, receiver);
    [
        pair(false, Compression::Lz4, "lz4"),
        pair(false, Compression::None, "plain"),
        pair(false, Compression::Zstd, "zstd"),
        pair(true, Compression::Lz4, "plain"),
        pair(true, Compression::Deflate, "lz4"),
        pair(true, Compression::Zstd, "zstd"),
    ]
}

/// Our client puts every sample, Python pulls them back.
pub(crate) async fn from_rust(world: &World, sender: &Sender, receiver: &str) -> Result<u64> {
    let name = format!("from-rust-{sender}-{receiver}").replace(' ', "-");
    world.logstore(&name, 1).await?;
    let mut builder = world.builder().with_compression(sender.compression);
    let mut access = world.access();
    if sender.v4 {
        builder = builder.with_signature_v4(Some(REGION))?;
        access = world.access_v4();
    }
    let logstore = builder.build()?.logstore(PROJECT, &name);
    let groups = samples::rust_groups();
    for group in &groups {
        logstore.put(&EncodedGroup::from(group)).await?;
    }
    let program = world.program(&access, &name, "pull_groups.py", [receiver]);
    let answer = program.answer("").await?;
    expect("shards", &answer.result, &json!([all_json(&groups)]))?;
    Ok(answer.calls + groups.len() as u64)
}

/// Python puts and pulls with one way of being let in.
pub(crate) async fn round_trip(world: &World, access: &Access) -> Result<u64> {
    let name = format!("round-trip-{access}").replace([' ', ','], "-");
    world.logstore(&name, 1).await?;
    let groups = samples::groups();
    let puts: Vec<_> = groups
        .iter()
        .map(|group| json!({"with": "lz4", "group": to_json(group), "key": null}))
        .collect();
    let put_calls = put(world, access, &name, &puts).await?;
    let program = world.program(access, &name, "pull_groups.py", ["lz4"]);
    let answer = program.answer("").await?;
    expect("shards", &answer.result, &json!([all_json(&groups)]))?;
    Ok(put_calls + answer.calls)
}

async fn put(world: &World, access: &Access, logstore: &str, puts: &[Value]) -> Result<u64> {
    let program = world.program(access, logstore, "put_groups.py", []);
    let answer = program.answer(&json!(puts).to_string()).await?;
    Ok(answer.calls)
}

fn all_json(groups: &[LogGroup]) -> Value {
    groups.iter().map(to_json).collect()
}

fn shown(compression: Compression) -> &'static str {
    compression.name().unwrap_or("plain")
}
