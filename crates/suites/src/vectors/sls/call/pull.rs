use serde_json::{Map, Value, json};
use sls_core::api::{Processing, PullLogs, PulledLogs};
use sls_core::model::{Cursor, LogGroup, ShardId, Text};
use sls_core::wire::Compression;

use super::cursor::position;
use super::{Call, Failure, Returned};
use crate::vectors::sls::logical::{group_json, text_json};

/// What a pull is told besides its shard and its cursors.
const SETTINGS: [&str; 5] = [
    "count",
    "query",
    "processor",
    "compress",
    "accept_compress_type",
];

pub(super) async fn perform(call: &Call<'_>, part: &mut dyn FnMut(Value)) -> Returned {
    let Call { args, logstore, .. } = call;
    let known = |names: &[&str]| args.known(&[&SETTINGS, names].concat());
    match call.name {
        "pull_logs" => {
            known(&["shard", "cursor", "end_cursor"])?;
            let mut operation = pull(call, args.shard()?, Cursor::new(args.text("cursor")))?;
            if let Some(cursor) = args.optional_text("end_cursor") {
                operation = operation.with_end_cursor(Cursor::new(cursor));
            }
            let got = call.client.send(&operation).await;
            Ok(got.map(|pulled| pulled_json(&pulled)))
        }
        "pull_log" => {
            known(&["shard", "from", "to"])?;
            let mut pulls = Vec::new();
            let mut each = |pulled: &PulledLogs| {
                let pulled = pulled_json(pulled);
                part(pulled["body"].clone());
                pulls.push(pulled);
            };
            let got = pull_range(call, args.shard()?, &mut each).await?;
            Ok(got.map(|()| json!({ "pulls": pulls })))
        }
        "pull_log_dump" => {
            known(&["from", "to", "file_path"])?;
            let mut path = args.text("file_path").replace("{}", "{0}");
            if !path.contains("{0}") {
                path += "{0}";
            }
            let shards = match logstore.shards().await {
                Ok(shards) => shards,
                Err(error) => return Ok(Err(error)),
            };
            let (mut total, mut files) = (0, Map::new());
            for shard in shards {
                let mut count = 0;
                let mut each = |pulled: &PulledLogs| count += pulled.log_count();
                if let Err(error) = pull_range(call, shard.id, &mut each).await? {
                    return Ok(Err(error));
                }
                total += count;
                if count > 0 {
                    files.insert(path.replace("{0}", &shard.id.to_string()), json!(count));
                }
            }
            Ok(Ok(json!({ "total_count": total, "files": files })))
        }
        _ => Err(call.pending()),
    }
}

/// Pulls a shard from one time to another.
async fn pull_range(
    call: &Call<'_>,
    shard: ShardId,
    each: &mut dyn FnMut(&PulledLogs),
) -> Result<Result<(), sls_client::Error>, Failure> {
    let Call { args, logstore, .. } = call;
    let (from, to) = (position(args.value("from"))?, position(args.value("to"))?);
    let ends = async {
        let from = logstore.cursor(shard, from).await?;
        Ok((from, logstore.cursor(shard, to).await?))
    };
    let (mut cursor, end) = match ends.await {
        Ok(ends) => ends,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let operation = pull(call, shard, cursor)?.with_end_cursor(end.clone());
        match call.client.send(&operation).await {
            Ok(pulled) => {
                each(&pulled);
                cursor = pulled.next_cursor().clone();
            }
            Err(error) => return Ok(Err(error)),
        }
        if cursor == end {
            return Ok(Ok(()));
        }
    }
}

fn pull(call: &Call<'_>, shard: ShardId, cursor: Cursor) -> Result<PullLogs, Failure> {
    let args = &call.args;
    let accept = match (
        args.value("compress"),
        args.optional_text("accept_compress_type"),
    ) {
        (Value::Bool(false), _) => Compression::None,
        (_, Some(name)) => Compression::from_name(name)
            .ok_or_else(|| Failure::Pending(format!("compression {name}")))?,
        (_, None) => Compression::Lz4,
    };
    let mut operation = call.logstore.pull(shard, cursor).with_accept(accept);
    if let Some(count) = args.number("count")? {
        operation = operation.with_count(count);
    }
    if let Some(query) = args.optional_text("query") {
        operation = operation.with_query(query);
    }
    if let Some(name) = args.optional_text("processor") {
        operation = operation.with_processing(Processing::Processor(name.to_owned()));
    }
    Ok(operation)
}

fn pulled_json(pulled: &PulledLogs) -> Value {
    let scan = |read: fn(&sls_core::api::ScanStats) -> u64| {
        // The recorded client says -1 for what the answer did not tell.
        pulled
            .scan()
            .map_or_else(|| json!(-1), |stats| json!(read(stats)))
    };
    let groups = pulled.groups().to_owned();
    let next_cursor = pulled.next_cursor().as_str();
    let printed = flattened(&groups, printed_text);
    json!({
        "next_cursor": next_cursor,
        "log_group_count": pulled.group_count(),
        "raw_size": pulled.raw_size(),
        "raw_log_group_count_before_query": scan(|stats| stats.groups),
        "raw_size_before_query": scan(|stats| stats.bytes),
        "log_groups": groups.iter().map(group_json).collect::<Value>(),
        "flattened": flattened(&groups, text_json),
        "body": {"count": printed.len(), "next_cursor": next_cursor, "logs": printed},
    })
}

/// Each log as one object with all there is to tell about it, a later member over an
/// earlier one of the same name.
fn flattened(groups: &[LogGroup], text: fn(&Text) -> Value) -> Vec<Value> {
    let meta = |found: &Option<Text>| found.as_ref().map_or_else(|| json!(""), text);
    let logs = |group: &LogGroup| -> Vec<Value> {
        let logs = group.logs.iter().map(|log| {
            let mut flat = json!({
                "__time__": log.time,
                "__topic__": meta(&group.topic),
                "__source__": meta(&group.source),
            });
            // A slip of the recorded client makes a list of it, and leaves a zero out.
            if let Some(time_ns) = log.time_ns.filter(|time_ns| *time_ns > 0) {
                flat["__time_ns_part__"] = json!([time_ns]);
            }
            for tag in &group.tags {
                flat[format!("__tag__:{}", tag.key)] = text(&tag.value);
            }
            for content in &log.contents {
                flat[content.key.to_string()] = text(&content.value);
            }
            flat
        });
        logs.collect()
    };
    groups.iter().flat_map(logs).collect()
}

/// What is not UTF-8 is printed byte by byte.
fn printed_text(text: &Text) -> Value {
    match text.to_str() {
        Ok(text) => json!(text),
        Err(_) => text
            .as_bytes()
            .iter()
            .copied()
            .map(char::from)
            .collect::<String>()
            .into(),
    }
}
