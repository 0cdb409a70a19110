use serde_json::{Value, json};
use sls_client::LogstoreHandle;
use sls_core::api::{Processing, PullLogs, PulledLogs};
use sls_core::model::Cursor;
use sls_core::wire::Compression;

use super::args::Args;
use super::{Call, Failure, Returned};
use crate::vectors::sls::logical::group_json;

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let operation = pull_logs(&call.logstore, &call.args)?;
    let got = call.client.send(&operation).await;
    Ok(got.map(|pulled| pulled_json(&pulled)))
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
