use std::time::Duration;

use serde_json::{Value, json};
use sls_core::api::UpdateCheckpoint;
use sls_core::model::{Checkpoint, ConsumerName, ShardId};

use super::cursor::cursor_time;
use super::{Call, Returned, to_json};

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let Call { args, logstore, .. } = call;
    let group = logstore.consumer_group(args.text("consumer_group"));
    let timeout = args.number("timeout")?;
    let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
    match call.name {
        "create_consumer_group" => {
            args.known(&["consumer_group", "timeout", "in_order"])?;
            let timeout = timeout.ok_or_else(|| "the call names no timeout".to_owned())?;
            let in_order = args.flag("in_order").unwrap_or_default();
            Ok(group.create(timeout, in_order).await.map(|()| json!({})))
        }
        "update_consumer_group" => {
            args.known(&["consumer_group", "timeout", "in_order"])?;
            let got = group.update(timeout, args.flag("in_order")).await;
            Ok(got.map(|()| json!({})))
        }
        "delete_consumer_group" => {
            args.known(&["consumer_group"])?;
            Ok(group.delete().await.map(|()| json!({})))
        }
        "list_consumer_group" => {
            args.known(&[])?;
            let got = logstore.consumer_groups().await;
            Ok(got.map(|groups| {
                let body = to_json(&groups);
                let groups = groups.iter().map(|group| {
                    // Under the name on the wire and under the recorded client's own.
                    let mut described = to_json(group);
                    described["consumer_group_name"] = json!(group.name);
                    described["in_order"] = json!(group.in_order);
                    described
                });
                json!({ "body": body, "consumer_groups": groups.collect::<Value>() })
            }))
        }
        "heart_beat" => {
            args.known(&["consumer_group", "consumer", "shards"])?;
            let held: Vec<ShardId> = match args.value("shards") {
                Value::Null => Vec::new(),
                shards => {
                    serde_json::from_value(shards.clone()).map_err(|error| error.to_string())?
                }
            };
            let consumer = ConsumerName::new(args.text("consumer"));
            let got = group.heartbeat(&consumer, &held).await;
            Ok(got.map(|shards| json!({ "shards": shards })))
        }
        "get_check_point" | "get_check_point_fixed" => {
            args.known(&["consumer_group", "shard"])?;
            // The recorded client says -1 for all shards.
            let got = match args.signed("shard")?.filter(|shard| *shard >= 0) {
                Some(_) => group
                    .checkpoint(args.shard()?)
                    .await
                    .map(|found| found.into_iter().collect()),
                None => group.checkpoints().await,
            };
            let found: Vec<Checkpoint> = match got {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            let mut described = to_json(&found);
            for (saved, described) in found
                .iter()
                .zip(described.as_array_mut().into_iter().flatten())
            {
                let Some(cursor) = saved
                    .cursor
                    .as_ref()
                    .filter(|_| call.name.ends_with("fixed"))
                else {
                    continue;
                };
                match logstore.previous_cursor_time(saved.shard, cursor).await {
                    Ok(time) => {
                        let seconds = cursor_time(time)["cursor_time"].take();
                        described["checkpoint_previous_cursor_time"] = seconds;
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(json!({ "check_points": described })))
        }
        "update_check_point" => {
            args.known(&[
                "consumer_group",
                "shard",
                "checkpoint",
                "consumer",
                "force_success",
            ])?;
            let mut operation = UpdateCheckpoint::new(
                logstore.project(),
                logstore.name(),
                group.name(),
                args.shard()?,
                args.text("checkpoint").into(),
            )
            .with_force(args.flag("force_success").unwrap_or(true));
            if let Some(consumer) = args
                .optional_text("consumer")
                .filter(|name| !name.is_empty())
            {
                operation = operation.with_consumer(consumer.into());
            }
            Ok(call.client.send(&operation).await.map(|()| json!({})))
        }
        _ => Err(call.pending()),
    }
}
