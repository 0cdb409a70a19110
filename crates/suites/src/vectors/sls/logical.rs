//! Log groups as the cases write them, in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sls_core::model::{Content, Log, LogGroup, LogTag, Text};

use super::from_base64;

/// What a case writes as a log group.
pub(super) fn parse_group(value: &Value) -> Result<LogGroup, String> {
    let meta = |member: &str| match &value[member] {
        Value::Null => Ok(None),
        found => parse_text(found).map(Some),
    };
    Ok(LogGroup {
        logs: list(&value["logs"])
            .iter()
            .map(parse_log)
            .collect::<Result<_, _>>()?,
        category: meta("reserved")?,
        topic: meta("topic")?,
        source: meta("source")?,
        machine_uuid: meta("machine_uuid")?,
        tags: parse_pairs(&value["log_tags"])?
            .into_iter()
            .map(|(key, value)| LogTag { key, value })
            .collect(),
    })
}

fn parse_log(value: &Value) -> Result<Log, String> {
    Ok(Log {
        time: number(&value["time"])?.unwrap_or(0),
        time_ns: number(&value["time_ns"])?,
        contents: parse_pairs(&value["contents"])?
            .into_iter()
            .map(|(key, value)| Content { key, value })
            .collect(),
    })
}

fn number(value: &Value) -> Result<Option<u32>, String> {
    match value {
        Value::Null => Ok(None),
        found => found
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| format!("{found} is not a 32-bit number")),
    }
}

/// A list of `[key, value]`.
pub(super) fn parse_pairs(value: &Value) -> Result<Vec<(Text, Text)>, String> {
    list(value)
        .iter()
        .map(|pair| Ok((parse_text(&pair[0])?, parse_text(&pair[1])?)))
        .collect()
}

/// Text, or bytes as `{"b64": ".."}`.
fn parse_text(value: &Value) -> Result<Text, String> {
    match value {
        Value::String(text) => Ok(text.as_str().into()),
        Value::Object(object) => object
            .get("b64")
            .and_then(Value::as_str)
            .ok_or_else(|| format!("{value} is neither text nor bytes"))
            .and_then(from_base64)
            .map(Text::from),
        _ => Err(format!("{value} is neither text nor bytes")),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A log group in the same notation, lists always written.
pub(super) fn group_json(group: &LogGroup) -> Value {
    let mut object = Map::new();
    object.insert("logs".to_owned(), group.logs.iter().map(log_json).collect());
    for (member, found) in [
        ("reserved", &group.category),
        ("topic", &group.topic),
        ("source", &group.source),
        ("machine_uuid", &group.machine_uuid),
    ] {
        if let Some(found) = found {
            object.insert(member.to_owned(), text_json(found));
        }
    }
    let tags = group.tags.iter().map(|tag| pair_json(&tag.key, &tag.value));
    object.insert("log_tags".to_owned(), tags.collect());
    Value::Object(object)
}

fn log_json(log: &Log) -> Value {
    let contents = log.contents.iter();
    let contents: Value = contents.map(|c| pair_json(&c.key, &c.value)).collect();
    let mut object = json!({"time": log.time, "contents": contents});
    if let Some(ns) = log.time_ns {
        object["time_ns"] = json!(ns);
    }
    object
}

fn pair_json(key: &Text, value: &Text) -> Value {
    json!([text_json(key), text_json(value)])
}

pub(super) fn text_json(text: &Text) -> Value {
    match text.to_str() {
        Ok(text) => json!(text),
        Err(_) => json!({"b64": STANDARD.encode(text.as_bytes())}),
    }
}
