use serde_json::{Value, json};
use sls_core::api::SplitShard;
use sls_core::model::Shard;

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
        "delete_shard" => {
            args.known(&["shard"])?;
            let got = logstore.delete_shard(args.shard()?).await;
            Ok(got.map(|()| json!({})))
        }
        _ => Err(call.pending()),
    }
}

fn listed(shards: &[Shard]) -> Value {
    json!({ "shards": to_json(&shards) })
}
