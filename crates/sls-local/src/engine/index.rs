//! The index of a logstore: settings that are checked, kept, and given back.
//!
//! Searches here read every log and need no index, but the service refuses to search
//! without one, and so does this server.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::unix_seconds;
use crate::refusal::Refusal;

/// The most bytes of settings; an index of 500 fields has about 100 000.
const MAX_SETTINGS: usize = 1 << 20;
const TYPES: [&str; 4] = ["text", "long", "double", "json"];

/// Settings that were found to be acceptable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Index {
    settings: Map<String, Value>,
    modified: SystemTime,
}

impl Index {
    /// Checks settings as they came; members that are only kept are not looked at.
    pub(crate) fn new(mut settings: Map<String, Value>, now: SystemTime) -> Result<Self, Refusal> {
        // What the server says about an index is not for a client to set.
        for own in ["ttl", "lastModifyTime", "storage", "index_mode"] {
            settings.remove(own);
        }
        if Value::Object(settings.clone()).to_string().len() > MAX_SETTINGS {
            return Err(invalid(format!(
                "settings are longer than {MAX_SETTINGS} bytes"
            )));
        }
        let (line, keys) = (settings.get("line"), settings.get("keys"));
        if line.is_none() && keys.is_none() {
            return Err(invalid("an index needs a line or keys"));
        }
        line.map_or(Ok(()), check_line)?;
        keys.map_or(Ok(()), check_keys)?;
        Ok(Self {
            settings,
            modified: now,
        })
    }

    /// The settings as a client sees them.
    pub(crate) fn describe(&self, ttl_days: u32) -> Value {
        let mut settings = self.settings.clone();
        settings.insert("ttl".to_owned(), ttl_days.into());
        let modified = unix_seconds(self.modified).into();
        settings.insert("lastModifyTime".to_owned(), modified);
        settings.insert("storage".to_owned(), json!("pg"));
        settings.insert("index_mode".to_owned(), json!("v2"));
        Value::Object(settings)
    }
}

fn check_line(line: &Value) -> Result<(), Refusal> {
    let line = object("line", line)?;
    let Some(token) = line.get("token") else {
        return Err(invalid("line must have token"));
    };
    check_token("line", token)?;
    if line.contains_key("include_keys") && line.contains_key("exclude_keys") {
        return Err(invalid(
            "line has include_keys and exclude_keys, which exclude each other",
        ));
    }
    Ok(())
}

fn check_keys(keys: &Value) -> Result<(), Refusal> {
    for (name, key) in object("keys", keys)? {
        let key = object(name, key)?;
        check_type(name, key)?;
        if let Some(token) = key.get("token") {
            check_token(name, token)?;
        }
        let Some(inner) = key.get("json_keys") else {
            continue;
        };
        for (inner_name, inner) in object(name, inner)? {
            check_type(inner_name, object(inner_name, inner)?)?;
        }
    }
    Ok(())
}

fn check_type(name: &str, key: &Map<String, Value>) -> Result<(), Refusal> {
    match key.get("type").and_then(Value::as_str) {
        Some(kind) if TYPES.contains(&kind) => Ok(()),
        Some(kind) => Err(invalid(format!("key {name} has the unknown type {kind:?}"))),
        None => Err(Refusal::parameter(format!(
            "key config must has type, key {name} has none"
        ))),
    }
}

fn check_token(name: &str, token: &Value) -> Result<(), Refusal> {
    let is_text = |token: &Value| token.is_string();
    match token.as_array() {
        Some(tokens) if tokens.iter().all(is_text) => Ok(()),
        _ => Err(invalid(format!(
            "token of {name} must be a list of strings"
        ))),
    }
}

fn object<'a>(name: &str, value: &'a Value) -> Result<&'a Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| invalid(format!("{name} must be an object")))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("IndexInfoInvalid", message)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[track_caller]
    fn check(settings: Value, want: Result<(), &str>) {
        let Value::Object(settings) = settings else {
            panic!("{settings}")
        };
        let found = Index::new(settings, UNIX_EPOCH).map(|_| ());
        assert_eq!(found.map_err(|refusal| refusal.code), want);
    }

    #[test]
    fn an_index_needs_a_line_or_keys_of_the_right_form() {
        check(json!({"line": {"token": [","]}}), Ok(()));
        check(json!({"keys": {"a": {"type": "long"}}}), Ok(()));
        check(json!({"keys": {}}), Ok(()));
        for bad in [
            json!({}),
            json!({"line": {}}),
            json!({"line": {"token": ","}}),
            json!({"line": {"token": [1]}}),
            json!({"line": {"token": [], "include_keys": [], "exclude_keys": []}}),
            json!({"line": []}),
            json!({"keys": []}),
            json!({"keys": {"a": "long"}}),
            json!({"keys": {"a": {"type": "float"}}}),
            json!({"keys": {"a": {"type": "text", "token": {}}}}),
            json!({"keys": {"a": {"type": "json", "json_keys": {"b": {"type": "?"}}}}}),
            json!({"keys": {}, "x": "y".repeat(MAX_SETTINGS)}),
        ] {
            check(bad, Err("IndexInfoInvalid"));
        }
        check(json!({"keys": {"a": {}}}), Err("ParameterInvalid"));
    }
}
