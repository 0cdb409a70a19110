use serde_json::{Value, json};
use sls_client::LogstoreHandle;
use sls_core::api::{PutBody, PutLogs};
use sls_core::model::{Content, Log, LogGroup, LogTag};
use sls_core::wire::{Compression, EncodedGroup};

use super::args::Args;
use super::{Call, Failure, Returned};
use crate::vectors::sls::logical::{parse_group, parse_pairs};

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let operation = match call.name {
        "put_logs" => put_logs(&call.logstore, &call.args, &call.case["config"])?,
        "put_log_raw" => put_log_raw(&call.logstore, &call.args)?,
        _ => return Err(call.pending()),
    };
    Ok(call.client.send(&operation).await.map(|()| json!({})))
}

fn put_log_raw(logstore: &LogstoreHandle, args: &Args<'_>) -> Result<PutLogs, Failure> {
    args.known(&["log_group", "compress"])?;
    let group = parse_group(args.value("log_group"))?;
    let body = PutBody::new(&EncodedGroup::from(&group), compression(args)?);
    Ok(PutLogs::new(logstore.project(), logstore.name(), body))
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
    let body = PutBody::new(&EncodedGroup::from(&group), compression(args)?);
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

fn compression(args: &Args<'_>) -> Result<Compression, Failure> {
    match (args.flag("compress"), args.optional_text("compress_type")) {
        (Some(false), _) => Ok(Compression::None),
        (_, Some(name)) => Compression::from_name(name)
            .ok_or_else(|| Failure::Pending(format!("compression {name}"))),
        (_, None) => Ok(Compression::Lz4),
    }
}
