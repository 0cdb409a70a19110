//! Records of the official handler, written by ours in both namings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use sls_core::model::LogGroup;
use sls_core::service::LogSink;
use sls_core::wire::{EncodedGroup, GroupEncoder, GroupMeta, GroupView};
use sls_logging::{FieldNaming, Handler, Level, Record, RecordEncoder, RecordFormat};
use testkit::{Outcome, first_difference};

use super::logical::{group_json, parse_pairs};
use super::text;

const BOTH: [(FieldNaming, &str); 2] = [
    (FieldNaming::Python, "contents_as_uploaded"),
    (FieldNaming::Documented, "contents_with_documented_names"),
];

pub(super) fn check(case: &Value) -> Outcome {
    let checked = match &case["args"]["records"] {
        Value::Array(records) => queued_batch(case, records),
        _ => one_record(case),
    };
    Outcome::of(checked.err())
}

fn one_record(case: &Value) -> Result<(), String> {
    let expected = &case["expected"];
    let mut compared = 0;
    for (naming, member) in BOTH {
        let Some(want) = expected[member].as_array() else {
            continue;
        };
        let format = format(&case["options"], &case["properties"])?.with_naming(naming);
        let (time, got) = encode(&case["record"], text(case, "formatter")?, format)?;
        if expected["time"] != json!(time) {
            return Err(format!("time {time}, want {}", expected["time"]));
        }
        let want = comparable(&case["record"], want.clone());
        let got = comparable(&case["record"], got);
        if let Some(difference) = first_difference(&Value::from(want), &Value::from(got)) {
            return Err(format!("{member}: {difference}"));
        }
        compared += 1;
    }
    match compared {
        0 => Err("the case expects nothing".to_owned()),
        _ => group_meta(case),
    }
}

/// What the handler's group says beside its logs.
fn group_meta(case: &Value) -> Result<(), String> {
    let topic = case["options"]["topic"].as_str().unwrap_or_default();
    match case["expected"]["topic"].as_str() {
        Some(want) if want != topic => Err(format!("topic {topic:?}, want {want:?}")),
        _ => Ok(()),
    }
}

/// Records of one handler, among which its topic is changed.
///
/// What is recorded is a defect: in a group of several records the topic of the last one stands
/// for all, and their source is lost. In ours each record keeps its own topic and source.
fn queued_batch(case: &Value, records: &[Value]) -> Result<(), String> {
    let args = &case["args"];
    let (options, properties) = (&args["options"], &args["properties"]);
    let changed = text(args, "topic_changed_to")?;
    let (later, from) = changed
        .split_once(" before record ")
        .and_then(|(topic, record)| Some((topic, record.parse::<usize>().ok()?)))
        .ok_or_else(|| format!("not understood: {changed:?}"))?;
    let (first, source) = (text(options, "topic")?, text(properties, "source")?);
    let number = |name: &str| options[name].as_u64().unwrap_or_default() as usize;

    let kept = Kept::default();
    let mut builder = Handler::builder()
        .topic(first)
        .source(source)
        .queue_size(number("queue_size"))
        .batch_size(number("batch_size"))
        .format(format(options, properties)?.with_naming(FieldNaming::Python));
    for (key, value) in parse_pairs(&properties["log_tags"])? {
        builder = builder.tag(key.to_string(), value.to_string());
    }
    let made = kept.clone();
    let (before, guard) = builder
        .build_with(move || made.clone())
        .map_err(|error| error.to_string())?;
    let after = before
        .with_topic(later)
        .map_err(|error| error.to_string())?;
    let mut want = Vec::new();
    let mut recorded = recorded_logs(case);
    for (index, record) in records.iter().enumerate() {
        let (handler, topic) = match index < from {
            true => (&before, first),
            false => (&after, later),
        };
        with_record(record, "%(message)s", |record| handler.log(record))?;
        let mut log = recorded.next().ok_or("fewer logs than records")?;
        log["contents"] = sorted(log["contents"].as_array().cloned().unwrap_or_default()).into();
        log["topic"] = topic.into();
        log["source"] = source.into();
        log["log_tags"] = properties["log_tags"].clone();
        want.push(log);
    }
    let report = guard.close(Duration::from_secs(30));
    if report.delivered != records.len() as u64 {
        return Err(format!("{} delivered", report.delivered));
    }
    let mut got = kept.logs();
    for logs in [&mut want, &mut got] {
        logs.sort_by_key(|log| log["time"].as_u64());
    }
    match first_difference(&Value::from(want), &Value::from(got)) {
        Some(difference) => Err(difference),
        None => Ok(()),
    }
}

/// The logs of all recorded requests, without the wall clock's nanoseconds.
fn recorded_logs(case: &Value) -> impl Iterator<Item = Value> {
    let exchanges = case["exchanges"].as_array().into_iter().flatten();
    exchanges
        .flat_map(|exchange| {
            let logs = &exchange["request"]["body"]["log_group"]["logs"];
            logs.as_array().into_iter().flatten()
        })
        .map(|log| json!({"time": log["time"], "contents": log["contents"]}))
}

/// Groups that were put, instead of a service.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogGroup>>>);

impl LogSink for Kept {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), sls_core::Error> {
        let group = GroupView::parse(group.as_bytes()).map(|group| group.to_owned());
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be read is missing in the comparison.
        groups.extend(group);
        Ok(())
    }
}

impl Kept {
    /// Every log with what its group says about it.
    fn logs(&self) -> Vec<Value> {
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = groups.iter().map(group_json);
        groups
            .flat_map(|group| {
                let logs = group["logs"].as_array().cloned().unwrap_or_default();
                logs.into_iter().map(move |log| {
                    let contents = log["contents"].as_array().cloned();
                    json!({
                        "time": log["time"],
                        "contents": sorted(contents.unwrap_or_default()),
                        "topic": group["topic"],
                        "source": group["source"],
                        "log_tags": group["log_tags"],
                    })
                })
            })
            .collect()
    }
}

/// The options and properties of a case as a format; what is not known is an error, so that
/// no option is passed over.
fn format(options: &Value, properties: &Value) -> Result<RecordFormat, String> {
    let mut format = RecordFormat::new();
    for (name, value) in members(options).chain(members(properties)) {
        let flag = || value.as_bool().ok_or_else(|| format!("{name} is no flag"));
        let string = || value.as_str().ok_or_else(|| format!("{name} is no text"));
        format = match name.as_str() {
            _ if value.is_null() => format,
            "fields" => {
                let names = value.as_array().ok_or("fields is no list")?;
                format.with_fields(names.iter().filter_map(Value::as_str))
            }
            "buildin_fields_prefix" => format.with_builtin_fields_prefix(string()?),
            "buildin_fields_suffix" => format.with_builtin_fields_suffix(string()?),
            "extract_json" => format.with_extract_json(flag()?),
            "extract_json_drop_message" => format.with_extract_json_drop_message(flag()?),
            "extract_json_prefix" => format.with_extract_json_prefix(string()?),
            "extract_json_suffix" => format.with_extract_json_suffix(string()?),
            "extract_kv" => format.with_extract_kv(flag()?),
            "extract_kv_drop_message" => format.with_extract_kv_drop_message(flag()?),
            "extract_kv_prefix" => format.with_extract_kv_prefix(string()?),
            "extract_kv_suffix" => format.with_extract_kv_suffix(string()?),
            "extract_kv_sep" => format.with_extract_kv_sep(string()?),
            "extra" => format.with_extra(flag()?),
            "skip_message" => format.with_skip_message(flag()?),
            "built_in_root_field" => format.with_built_in_root_field(string()?),
            // They say nothing about what a record looks like.
            "topic" | "source" | "log_tags" | "queue_size" | "put_wait" | "close_wait"
            | "batch_size" | "auth_version" | "region" => format,
            other => return Err(format!("unknown option {other:?}")),
        };
    }
    Ok(format)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The time and the pairs that a recorded record becomes.
fn encode(
    record: &Value,
    formatter: &str,
    format: RecordFormat,
) -> Result<(u32, Vec<Value>), String> {
    let encoder = RecordEncoder::new(format).map_err(|error| error.to_string())?;
    let mut group = GroupEncoder::new();
    with_record(record, formatter, |record| {
        encoder.encode(record, &mut group)
    })?;
    let group = group.finish(&GroupMeta::default());
    let view = GroupView::parse(group.as_bytes()).map_err(|error| error.to_string())?;
    let log = view.logs().next().ok_or("no log was written")?;
    let pairs = log
        .contents()
        .map(|(key, value)| json!([key.to_string(), value.to_string()]))
        .collect();
    Ok((log.time(), pairs))
}

/// Calls `with` with a recorded record as one of ours.
fn with_record(
    record: &Value,
    formatter: &str,
    with: impl FnOnce(&Record<'_>),
) -> Result<(), String> {
    if formatter != "%(message)s" {
        return Err(format!("unknown formatter {formatter:?}"));
    }
    let member = |name: &str| record[name].as_str();
    let number = |name: &str| record[name].as_u64().unwrap_or_default();
    let message = finished_message(record)?;
    let traces: Vec<&str> = ["exc_text", "stack_info"]
        .into_iter()
        .filter_map(member)
        .collect();
    let trace = traces.join("\n");
    let extra = extra_fields(&record["extra"]);
    let extra: Vec<(&str, &str)> = extra
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let level = member("levelname").ok_or("the record has no level")?;
    let file = member("pathname").unwrap_or_default();

    let mut ours = Record::new(
        time(&record["created"])?,
        Level::from_name(level).unwrap_or(Level::Info),
        member("name").unwrap_or_default(),
        &message,
    )
    .with_level_name(level, number("levelno") as u32)
    .with_place(file, number("lineno") as u32)
    .with_origin(
        (
            number("process") as u32,
            member("processName").unwrap_or_default(),
        ),
        (number("thread"), member("threadName")),
    )
    .with_extra(&extra);
    if let Some(module) = member("module") {
        ours = ours.with_module_path(module);
    }
    if let Some(function) = member("funcName") {
        ours = ours.with_function(function);
    }
    if !trace.is_empty() {
        ours = ours.with_trace(&trace);
    }
    with(&ours);
    Ok(())
}

fn time(created: &Value) -> Result<SystemTime, String> {
    let seconds = created.as_f64().ok_or("the record has no time")?;
    Ok(UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

/// The message with its arguments filled in; a dictionary as JSON.
fn finished_message(record: &Value) -> Result<String, String> {
    let Some(template) = record["msg"].as_str() else {
        return Ok(record["msg"].to_string());
    };
    let mut message = String::new();
    let mut args = record["args"].as_array().into_iter().flatten();
    let mut rest = template;
    if record["args"].as_array().is_none_or(Vec::is_empty) {
        return Ok(template.to_owned());
    }
    while let Some((before, after)) = rest.split_once('%') {
        message.push_str(before);
        match after.as_bytes().first() {
            Some(b'%') => message.push('%'),
            Some(b's' | b'd') => {
                let arg = args.next().ok_or("the message lacks an argument")?;
                message.push_str(&python_text(arg));
            }
            _ => return Err(format!("unknown conversion in {template:?}")),
        }
        rest = &after[1..];
    }
    Ok(message + rest)
}

/// What the program passed as extra: absent values are left out, as in the original.
fn extra_fields(extra: &Value) -> Vec<(String, String)> {
    members(extra)
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), python_text(value)))
        .collect()
}

/// A value as the recorded handler turns it into text.
fn python_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// Pairs in one order, JSON inside values as JSON, and without the message when it was no
/// text: its form is that of the other language.
fn comparable(record: &Value, pairs: Vec<Value>) -> Vec<Value> {
    let is_object = record["msg"].is_object();
    let kept = pairs.into_iter().filter(|pair| {
        let key = pair[0].as_str().unwrap_or_default();
        !(is_object && key.contains("message"))
    });
    sorted(kept.collect())
}

fn sorted(mut pairs: Vec<Value>) -> Vec<Value> {
    for pair in &mut pairs {
        let parsed = pair[1].as_str().and_then(as_container);
        if let Some(parsed) = parsed {
            pair[1] = parsed;
        }
    }
    pairs.sort_by_key(Value::to_string);
    pairs
}

fn as_container(text: &str) -> Option<Value> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str::<Map<String, Value>>(text)
        .map(Value::Object)
        .or_else(|_| serde_json::from_str::<Vec<Value>>(text).map(Value::Array))
        .ok()
}
