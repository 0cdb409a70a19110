//! The official client's calls by name, each in terms of ours.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use sls_client::{Client, Error, LogstoreHandle};
use sls_core::api::{CreateProject, Processing, PullLogs, PulledLogs, PutBody, PutLogs};
use sls_core::model::{
    Content, Cursor, CursorPosition, Log, LogGroup, LogTag, LogstoreConfig, ShardId,
};
use sls_core::wire::{Compression, EncodedGroup};

use super::logical::{group_json, parse_pairs};
use super::text;

/// Why a case did not pass.
pub(super) enum Failure {
    /// This does not exist yet.
    Pending(String),
    /// This is not as recorded.
    Different(String),
}

impl From<String> for Failure {
    fn from(difference: String) -> Self {
        Self::Different(difference)
    }
}

/// Performs the case's call and gives what it returned, under the recorded names.
pub(super) async fn perform(
    client: &Client,
    case: &Value,
) -> Result<Result<Value, Error>, Failure> {
    let call = text(case, "call")?;
    let config = &case["config"];
    let project = text(config, "project")?;
    let logstore = client.logstore(project, text(config, "logstore")?);
    let args = Args::new(call, &case["args"]);
    match call {
        "create_project" => {
            args.known(&["description", "resource_group_id", "data_redundancy_type"])?;
            let mut operation = CreateProject::new(project, args.text("description"))
                .with_resource_group_id(args.text("resource_group_id"));
            if let Some(kind) = args.optional_text("data_redundancy_type") {
                operation = operation.with_data_redundancy_type(kind);
            }
            Ok(client.send(&operation).await.map(|()| json!({})))
        }
        "get_project" => {
            args.known(&[])?;
            let got = client.project(project).get().await;
            Ok(got.map(|project| json!({ "fields": to_json(&project) })))
        }
        "create_logstore" => {
            args.known(&["ttl", "shard_count"])?;
            if case["exchanges"]
                .as_array()
                .is_some_and(|all| all.len() > 1)
            {
                return Err(Failure::Pending(
                    "create_logstore for old servers".to_owned(),
                ));
            }
            let mut config = LogstoreConfig::named(logstore.name());
            config.ttl = args.number("ttl")?.unwrap_or(config.ttl);
            config.shard_count = args.number("shard_count")?.unwrap_or(config.shard_count);
            Ok(logstore.create(config).await.map(|()| json!({})))
        }
        "list_shards" => {
            if case["args"].get("refreshed").is_some() {
                return Err(Failure::Pending(
                    "renewal of refused credentials".to_owned(),
                ));
            }
            args.known(&[])?;
            let got = logstore.shards().await;
            Ok(got.map(|shards| json!({ "shards": to_json(&shards) })))
        }
        "get_cursor" => {
            args.known(&["shard", "from"])?;
            let from = position(&case["args"]["from"])?;
            let got = logstore.cursor(args.shard()?, from).await;
            Ok(got.map(|cursor| json!({ "cursor": cursor.as_str() })))
        }
        "get_begin_cursor" | "get_end_cursor" => {
            args.known(&["shard"])?;
            let from = match call {
                "get_begin_cursor" => CursorPosition::Begin,
                _ => CursorPosition::End,
            };
            let got = logstore.cursor(args.shard()?, from).await;
            Ok(got.map(|cursor| json!({ "cursor": cursor.as_str() })))
        }
        "get_cursor_time" => {
            args.known(&["shard", "cursor"])?;
            let cursor = Cursor::new(args.text("cursor"));
            let got = logstore.cursor_time(args.shard()?, cursor).await;
            Ok(got.map(cursor_time))
        }
        "get_previous_cursor_time" => {
            args.known(&["shard", "cursor"])?;
            let cursor = Cursor::new(args.text("cursor"));
            let got = logstore.previous_cursor_time(args.shard()?, &cursor).await;
            Ok(got.map(cursor_time))
        }
        "put_logs" => {
            let operation = put_logs(&logstore, &args, config)?;
            Ok(client.send(&operation).await.map(|()| json!({})))
        }
        "pull_logs" => {
            let operation = pull_logs(&logstore, &args)?;
            Ok(client
                .send(&operation)
                .await
                .map(|pulled| pulled_json(&pulled)))
        }
        other => Err(Failure::Pending(other.to_owned())),
    }
}

fn put_logs(
    logstore: &LogstoreHandle,
    args: &Args<'_>,
    config: &Value,
) -> Result<PutLogs, Failure> {
    args.known(&[
        "log_items",
        "topic",
        "source",
        "log_tags",
        "compress",
        "compress_type",
        "hashkey",
    ])?;
    let items = args.value("log_items").as_array().into_iter().flatten();
    let source = args
        .optional_text("source")
        .or_else(|| config["source"].as_str());
    let group = LogGroup {
        logs: items
            .map(|item| log(item, config))
            .collect::<Result<_, _>>()?,
        // The recorded client writes both always, empty or not.
        topic: Some(args.text("topic").into()),
        source: Some(source.unwrap_or_default().into()),
        tags: parse_pairs(args.value("log_tags"))?
            .into_iter()
            .map(|(key, value)| LogTag { key, value })
            .collect(),
        ..LogGroup::default()
    };
    let compression = match (args.value("compress"), args.optional_text("compress_type")) {
        (Value::Bool(false), _) => Compression::None,
        (_, Some(name)) => Compression::from_name(name)
            .ok_or_else(|| Failure::Pending(format!("compression {name}")))?,
        (_, None) => Compression::Lz4,
    };
    let body = PutBody::new(&EncodedGroup::from(&group), compression);
    let operation = PutLogs::new(logstore.project(), logstore.name(), body);
    match args.optional_text("hashkey") {
        Some(key) => {
            let key = key.parse().map_err(|error| format!("{error}"))?;
            Ok(operation.with_hash_key(key))
        }
        None => Ok(operation),
    }
}

/// One item; what it does not say, the recorded client took from the clock.
fn log(item: &Value, config: &Value) -> Result<Log, String> {
    let now = config["now_unix"].as_u64().unwrap_or_default();
    let time = match (item["time"].as_u64(), item["timestamp"].as_u64()) {
        (Some(time), _) => time,
        // A timestamp of 13 digits is in milliseconds.
        (None, Some(timestamp)) if timestamp >= 1_000_000_000_000 => timestamp / 1000,
        (None, Some(timestamp)) => timestamp,
        (None, None) => now,
    };
    // The clock is a float there, whose last digits are noise; the noise is on the wire.
    let nanos = config["now_nanos"].as_f64().unwrap_or_default();
    let noisy = (now as f64 + nanos / 1e9) * 1e9;
    let time_ns = item["time_ns"]
        .as_u64()
        .unwrap_or(noisy as u64 % 1_000_000_000);
    let contents = parse_pairs(&item["contents"])?;
    Ok(Log {
        time: u32::try_from(time).map_err(|error| error.to_string())?,
        time_ns: Some(u32::try_from(time_ns).map_err(|error| error.to_string())?),
        contents: contents
            .into_iter()
            .map(|(key, value)| Content { key, value })
            .collect(),
    })
}

fn pull_logs(logstore: &LogstoreHandle, args: &Args<'_>) -> Result<PullLogs, Failure> {
    args.known(&[
        "shard",
        "cursor",
        "count",
        "end_cursor",
        "query",
        "processor",
        "compress",
        "accept_compress_type",
    ])?;
    let accept = match (
        args.value("compress"),
        args.optional_text("accept_compress_type"),
    ) {
        (Value::Bool(false), _) => Compression::None,
        (_, Some(name)) => Compression::from_name(name)
            .ok_or_else(|| Failure::Pending(format!("compression {name}")))?,
        (_, None) => Compression::Lz4,
    };
    let mut operation = logstore
        .pull(args.shard()?, Cursor::new(args.text("cursor")))
        .with_accept(accept);
    if let Some(count) = args.number("count")? {
        operation = operation.with_count(count);
    }
    if let Some(cursor) = args.optional_text("end_cursor") {
        operation = operation.with_end_cursor(Cursor::new(cursor));
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
    json!({
        "next_cursor": pulled.next_cursor().as_str(),
        "log_group_count": pulled.group_count(),
        "raw_size": pulled.raw_size(),
        "raw_log_group_count_before_query": scan(|stats| stats.groups),
        "raw_size_before_query": scan(|stats| stats.bytes),
        "log_groups": groups.iter().map(group_json).collect::<Value>(),
    })
}

fn position(from: &Value) -> Result<CursorPosition, String> {
    let seconds = |seconds: u64| CursorPosition::At(UNIX_EPOCH + Duration::from_secs(seconds));
    match from {
        Value::Number(number) => number.as_u64().map(seconds),
        Value::String(text) if text == "begin" => Some(CursorPosition::Begin),
        Value::String(text) if text == "end" => Some(CursorPosition::End),
        Value::String(text) => text.parse().ok().map(seconds),
        _ => None,
    }
    .ok_or_else(|| format!("{from} is not a position"))
}

fn cursor_time(time: SystemTime) -> Value {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({ "cursor_time": since.as_secs() })
}

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A call's named arguments.
struct Args<'a> {
    call: &'a str,
    named: Option<&'a Map<String, Value>>,
}

impl<'a> Args<'a> {
    fn new(call: &'a str, args: &'a Value) -> Self {
        Self {
            call,
            named: args.as_object(),
        }
    }

    /// An argument we have no counterpart of is a thing that does not exist yet.
    fn known(&self, names: &[&str]) -> Result<(), Failure> {
        let given = self.named.into_iter().flatten();
        match given
            .map(|(name, _)| name)
            .find(|name| !names.contains(&name.as_str()))
        {
            Some(name) => Err(Failure::Pending(format!("{} with {name}", self.call))),
            None => Ok(()),
        }
    }

    fn value(&self, name: &str) -> &'a Value {
        self.named
            .and_then(|named| named.get(name))
            .unwrap_or(&Value::Null)
    }

    fn optional_text(&self, name: &str) -> Option<&'a str> {
        self.value(name).as_str()
    }

    fn text(&self, name: &str) -> &'a str {
        self.optional_text(name).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Result<Option<u32>, String> {
        match self.value(name) {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| format!("argument {name} is not a number")),
        }
    }

    fn shard(&self) -> Result<ShardId, String> {
        let id = self.number("shard")?;
        id.map(ShardId)
            .ok_or_else(|| "the call names no shard".to_owned())
    }
}
