//! The index of a logstore.

use serde_json::{Value, json};
use sls_core::model::IndexConfig;

use super::super::Result;
use super::super::groups::expect;
use super::super::world::{Programs, World};
use super::about;

/// Theirs makes, changes and deletes an index, and reads back what it wrote.
///
/// # Errors
/// When a step was told something else, and when a call fails.
pub async fn made_by_theirs<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = world.logstore("index", 1).await?;
    let program = world.program(&world.access(), logstore.name(), "index", []);
    let answer = program
        .answer(&json!([created(), changed()]).to_string())
        .await?;
    let told = &answer.result;
    let codes = |step: &str| told[step].clone();
    let found = json!({
        "get_before": codes("get_before"),
        "create": codes("create"),
        "create_again": codes("create_again"),
        "update": codes("update"),
        "delete": codes("delete"),
        "get_after": codes("get_after"),
    });
    let wanted = json!({
        "get_before": "IndexConfigNotExist",
        "create": null,
        "create_again": "IndexAlreadyExist",
        "update": null,
        "delete": null,
        "get_after": "IndexConfigNotExist",
    });
    about(told, expect("answers", &found, &wanted))?;
    about(told, holds("created", &told["created"], &created()))?;
    about(told, holds("changed", &told["changed"], &kept()))?;
    // Ours reads what theirs writes.
    for step in ["created", "changed"] {
        serde_json::from_value::<IndexConfig>(told[step].clone())?;
    }
    Ok(answer.calls)
}

/// Clients write more than they were told to; all that they were told must be there.
fn holds(what: &str, found: &Value, wanted: &Value) -> Result<()> {
    match wanted {
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, wanted)| holds(&format!("{what}.{name}"), &found[name], wanted)),
        _ => expect(what, found, wanted),
    }
}

fn created() -> Value {
    json!({
        "line": {"token": [",", " ", "\n"], "caseSensitive": false, "chn": true},
        "keys": {
            "level": {
                "type": "text", "token": [","], "caseSensitive": true, "alias": "l",
                "doc_value": true, "chn": false,
            },
        },
        "max_text_len": 2048,
    })
}

/// What every client keeps of the change.
fn kept() -> Value {
    json!({
        "keys": {
            "n": {"type": "long", "doc_value": true},
            "seconds": {"type": "double", "alias": "s"},
        },
    })
}

fn changed() -> Value {
    json!({
        "keys": {
            "n": {"type": "long", "token": [], "caseSensitive": false, "doc_value": true},
            "seconds": {"type": "double", "token": [], "caseSensitive": false, "alias": "s"},
        },
    })
}
