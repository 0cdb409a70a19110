//! The index of a logstore, written and read by the official client.

use serde_json::{Value, json};
use suites::clients::groups::expect;
use suites::clients::{Failure, Result};

use crate::World;

/// Theirs makes, changes and deletes an index, and reads back what it wrote.
pub(crate) async fn made_by_theirs(world: &World) -> Result<u64> {
    let logstore = world.logstore("index", 1).await?;
    let program = world.program(&world.access(), logstore.name(), "index", []);
    let input = json!([created(), changed()]);
    let answer = program.answer(&input.to_string()).await?;
    let told = &answer.result;
    let wanted = json!({
        "get_before": "IndexConfigNotExist",
        "created": created(),
        "create_again": "IndexAlreadyExist",
        "changed": changed(),
        "get_after": "IndexConfigNotExist",
    });
    expect("answers", told, &wanted)
        .map_err(|failure| -> Failure { format!("{failure} in {told}").into() })?;
    Ok(answer.calls)
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

fn changed() -> Value {
    json!({
        "keys": {
            "n": {"type": "long", "doc_value": true},
            "seconds": {"type": "double", "doc_value": false, "alias": "s"},
            "request": {
                "type": "json", "token": [" "], "caseSensitive": false, "doc_value": true,
                "chn": false, "index_all": true, "max_depth": 3,
                "json_keys": {"a.b": {"type": "long", "doc_value": true}},
            },
        },
    })
}
