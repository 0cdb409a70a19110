use serde_json::{Value, json};
use sls_client::{Error, LogstoreHandle};
use sls_core::api::SplitShard;
use sls_core::model::{HashKey, Shard, ShardId, ShardStatus};

use super::{Call, Returned, to_json};

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let Call { args, logstore, .. } = call;
    match call.name {
        "list_shards" => {
            args.known(&[])?;
            Ok(logstore.shards().await.map(|shards| listed(&shards)))
        }
        "split_shard" => {
            args.known(&["shard", "split_hash", "shard_count"])?;
            let key = args.text("split_hash").parse();
            let key = key.map_err(|error| format!("split_hash: {error}"))?;
            let mut operation =
                SplitShard::new(logstore.project(), logstore.name(), args.shard()?, key);
            if let Some(shards) = args.number("shard_count")? {
                operation = operation.with_shard_count(shards);
            }
            let got = call.client.send(&operation).await;
            Ok(got.map(|shards| listed(&shards.0)))
        }
        "merge_shard" => {
            args.known(&["shard"])?;
            let got = logstore.merge_shards(args.shard()?).await;
            Ok(got.map(|shards| listed(&shards)))
        }
        "arrange_shard" => {
            args.known(&["count"])?;
            let count = args.number("count")?.unwrap_or_default();
            Ok(arrange(logstore, count as usize).await.map(|()| json!({})))
        }
        "delete_shard" => {
            args.known(&["shard"])?;
            let got = logstore.delete_shard(args.shard()?).await;
            Ok(got.map(|()| json!({})))
        }
        _ => Err(call.pending()),
    }
}

/// Splits the longest shards until there are `count` that take writes, into equal parts and
/// in the recorded client's order.
async fn arrange(logstore: &LogstoreHandle, count: usize) -> Result<(), Error> {
    let all = logstore.shards().await?;
    let mut known = all.len();
    let mut writable: Vec<_> = all.into_iter().filter(is_writable).collect();
    let share = u128::MAX as f64 / count as f64;
    let length = |shard: &Shard| shard.end.0 - shard.begin.0;
    let mut missing = count.saturating_sub(writable.len());
    while missing > 0 && !writable.is_empty() {
        writable.sort_by_key(|shard| std::cmp::Reverse(length(shard)));
        let mut arranged = Vec::new();
        for (nth, shard) in writable.into_iter().enumerate() {
            if missing == 0 {
                break;
            }
            let whole = length(&shard) as f64;
            let shares = ((whole - whole % share) / share).round() as u128;
            let parts = shares.max(if nth == 0 { 2 } else { 1 });
            let part = length(&shard) / parts;
            let mut left = vec![shard.clone()];
            for nth in 1..parts {
                let key = HashKey(shard.begin.0 + part * nth);
                // What is still to be split is the newest shard, whose number is the last.
                let newest = u32::try_from(known - 1).unwrap_or(u32::MAX);
                let whole = if nth == 1 { shard.id } else { ShardId(newest) };
                let split = logstore.split_shard(whole, key).await?;
                known += split.len() - 1;
                left.pop();
                left.extend(split.into_iter().filter(is_writable));
            }
            missing = missing.saturating_sub(left.len() - 1);
            arranged.extend(left);
        }
        writable = arranged;
    }
    Ok(())
}

fn is_writable(shard: &Shard) -> bool {
    shard.status == ShardStatus::ReadWrite
}

fn listed(shards: &[Shard]) -> Value {
    json!({ "shards": to_json(&shards) })
}
