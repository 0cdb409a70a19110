use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sls_core::api::{GetHistograms, GetProjectLogs, ListTopics};
use sls_core::model::{LogQuery, Progress, QueryMeta, QueryResult, ShardId};

use super::args::Args;
use super::{Call, Returned, to_json};

pub(super) async fn perform(call: &Call<'_>, part: &mut dyn FnMut(Value)) -> Returned {
    let Call { args, logstore, .. } = call;
    let (project, name) = (logstore.project(), logstore.name());
    match call.name {
        "get_log" | "get_logs" | "execute_logstore_sql" => {
            let (query, line) = log_query(args)?;
            // The recorded client has a switch for the older form of the call, which is
            // told by its method.
            let got = if call.case["exchanges"][0]["request"]["method"] == "GET" {
                logstore.query_v2(query).await
            } else if line > i64::from(query.line) && !has_sql(&query.query) {
                logstore.query_pages(query, line.unsigned_abs()).await
            } else {
                logstore.query(query).await
            };
            Ok(got.map(|result| found(&result)))
        }
        "get_log_all" => {
            let (query, _) = log_query(args)?;
            let mut pages = Vec::new();
            let mut offset = query.offset;
            loop {
                let page = match logstore.query(query.clone().with_offset(offset)).await {
                    Ok(page) => page,
                    Err(error) => return Ok(Err(error)),
                };
                let count = page.meta.count;
                offset += count;
                part(to_json(&page.rows));
                pages.push(found(&page));
                if count == 0 || has_sql(&query.query) {
                    return Ok(Ok(json!({ "pages": pages })));
                }
            }
        }
        "get_histograms" => {
            args.known(&[
                "from", "to", "from_ns", "to_ns", "topic", "query", "accurate", "shard",
            ])?;
            let (from, to) = range(args)?;
            let mut operation = GetHistograms::new(project, name, from, to)
                .with_topic(args.text("topic"))
                .with_query(args.text("query"))
                .with_accurate(args.flag("accurate").unwrap_or(true));
            if let Some(shard) = args.signed("shard")?.filter(|shard| *shard >= 0) {
                let shard = u32::try_from(shard).map_err(|error| error.to_string())?;
                operation = operation.with_shard(ShardId(shard));
            }
            let got = call.client.send(&operation).await;
            Ok(got.map(|found| {
                let parts = found.parts.iter().map(|part| {
                    let complete = part.progress == Progress::Complete;
                    json!([unix(part.from), unix(part.to), part.count, complete])
                });
                json!({
                    "body": to_json(&found.parts),
                    "progress": found.progress.to_string(),
                    "completed": found.is_complete(),
                    "total_count": found.count,
                    "histograms": parts.collect::<Value>(),
                })
            }))
        }
        "list_topics" => {
            args.known(&["token", "line"])?;
            let mut operation = ListTopics::new(project, name);
            if let Some(token) = args.optional_text("token") {
                operation = operation.with_token(token);
            }
            if let Some(line) = args.number("line")? {
                operation = operation.with_line(line);
            }
            let got = call.client.send(&operation).await;
            Ok(got.map(|found| {
                json!({
                    "topics": found.topics,
                    // A header as it came there, so text.
                    "count": found.topics.len().to_string(),
                    "next_token": found.next_token,
                })
            }))
        }
        "get_context_logs" => {
            args.known(&["pack_id", "pack_meta", "back_lines", "forward_lines"])?;
            let lines = |name| Ok::<_, String>(args.number(name)?.unwrap_or_default());
            let got = logstore
                .context(
                    args.text("pack_id"),
                    args.text("pack_meta"),
                    lines("back_lines")?,
                    lines("forward_lines")?,
                )
                .await;
            Ok(got.map(|found| {
                let mut returned = to_json(&found);
                returned["body"] = to_json(&found);
                returned["completed"] = json!(found.is_complete());
                returned
            }))
        }
        "get_project_logs" | "execute_project_sql" => {
            args.known(&["query", "power_sql"])?;
            let operation = GetProjectLogs::new(project, args.text("query"))
                .with_power_sql(args.flag("power_sql").unwrap_or_default());
            Ok(call
                .client
                .send(&operation)
                .await
                .map(|result| found(&result)))
        }
        _ => Err(call.pending()),
    }
}

/// The query, its page cut to what one answer holds, and how many logs are wanted in all.
fn log_query(args: &Args<'_>) -> Result<(LogQuery, i64), super::Failure> {
    args.known(&[
        "from",
        "to",
        "from_ns",
        "to_ns",
        "topic",
        "query",
        "line",
        "size",
        "offset",
        "reverse",
        "power_sql",
        "scan",
        "forward",
        "accurate",
        "highlight",
    ])?;
    let (from, to) = range(args)?;
    let line = args.signed("line")?.or(args.signed("size")?);
    let line = match line.unwrap_or(100) {
        all if all < 0 => i64::MAX,
        line => line,
    };
    let page = u32::try_from(line.min(100)).map_err(|error| error.to_string())?;
    let flag = |name, otherwise| args.flag(name).unwrap_or(otherwise);
    let query = LogQuery::between(from, to)
        .with_query(args.text("query"))
        .with_topic(args.text("topic"))
        .with_line(page)
        .with_offset(u64::from(args.number("offset")?.unwrap_or_default()))
        .with_reverse(flag("reverse", false))
        .with_power_sql(flag("power_sql", false))
        .with_scan(flag("scan", false))
        .with_forward(flag("forward", true))
        .with_accurate(flag("accurate", true))
        .with_highlight(flag("highlight", false));
    Ok((query, line))
}

/// SQL has its own limit, so it is never asked for in pages. The recorded client looks for
/// the word anywhere in the pipeline, outside quotes.
fn has_sql(query: &str) -> bool {
    let unquoted: String = query.split('"').step_by(2).collect();
    let Some((_, pipeline)) = unquoted.split_once('|') else {
        return false;
    };
    let mut words = pipeline.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word.eq_ignore_ascii_case("select"))
}

fn range(args: &Args<'_>) -> Result<(SystemTime, SystemTime), String> {
    let time = |seconds, nanos| -> Result<SystemTime, String> {
        let (seconds, nanos) = (args.number(seconds)?, args.number(nanos)?);
        let seconds = seconds.ok_or("the call names no time")?;
        Ok(UNIX_EPOCH + Duration::new(seconds.into(), nanos.unwrap_or_default()))
    };
    Ok((time("from", "from_ns")?, time("to", "to_ns")?))
}

fn found(result: &QueryResult) -> Value {
    json!({
        "meta": meta(&result.meta),
        "completed": result.is_complete(),
        "logs": to_json(&result.rows),
        "count": result.meta.count,
    })
}

/// The recorded client lists every member it knows, those that did not come as null, and
/// none that it does not know.
fn meta(meta: &QueryMeta) -> Value {
    let mut known = json!({
        "aggQuery": null, "limited": null, "processedBytes": null, "telementryType": null, "insertedSQL": null,
        "keys": null, "marker": null, "isAccurate": null, "columnTypes": null,
        "highlights": null, "phraseQueryInfo": null,
    });
    let came = QueryMeta {
        other: serde_json::Map::new(),
        // Empty and absent are the same to it.
        telemetry_type: meta.telemetry_type.clone().filter(|kind| !kind.is_empty()),
        ..meta.clone()
    };
    if let (Some(known), Value::Object(came)) = (known.as_object_mut(), to_json(&came)) {
        known.extend(came);
    }
    if let Some(info) = known["phraseQueryInfo"].as_object_mut() {
        info.entry("endTime").or_insert(Value::Null);
    }
    known
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
