//! Records of the official handler, written by ours in both namings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use sls_core::wire::{GroupEncoder, GroupMeta, GroupView};
use sls_logging::{FieldNaming, Level, Record, RecordEncoder, RecordFormat};
use testkit::{Outcome, first_difference};

use super::text;

const BOTH: [(FieldNaming, &str); 2] = [
    (FieldNaming::Python, "contents_as_uploaded"),
    (FieldNaming::Documented, "contents_with_documented_names"),
];

pub(super) fn check(case: &Value) -> Outcome {
    match &case["args"]["records"] {
        Value::Array(_) => Outcome::Pending("handler with a queue".to_owned()),
        _ => Outcome::of(one_record(case).err()),
    }
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
    let encoder = RecordEncoder::new(format).map_err(|error| error.to_string())?;
    let mut group = GroupEncoder::new();
    encoder.encode(&ours, &mut group);
    let group = group.finish(&GroupMeta::default());
    let view = GroupView::parse(group.as_bytes()).map_err(|error| error.to_string())?;
    let log = view.logs().next().ok_or("no log was written")?;
    let pairs = log
        .contents()
        .map(|(key, value)| json!([key.to_string(), value.to_string()]))
        .collect();
    Ok((log.time(), pairs))
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
