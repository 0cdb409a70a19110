//! The index of a logstore, written and read by Python.

use serde_json::{Value, json};
use suites::clients::groups::expect;
use suites::clients::{Failure, Result};

use crate::World;

/// Python makes, changes and deletes an index; it reads back what it wrote, and is refused
/// where there is nothing to change or something already.
pub(crate) async fn made_by_python(world: &World) -> Result<u64> {
    let logstore = world.logstore("indexes", 1).await?;
    let indexes = [created(), changed()].map(|index| index.to_string());
    let program = world.program(
        &world.access(),
        logstore.name(),
        "indexes.py",
        indexes.iter().map(String::as_str),
    );
    let answer = program.answer("").await?;
    let told = &answer.result;
    check(told).map_err(|failure| -> Failure { format!("{failure} in {told}").into() })?;
    let gone = logstore.index().await;
    match gone.map_err(|error| error.code().map(ToString::to_string)) {
        Err(Some(code)) => expect(
            "our look at it",
            &json!(code),
            &json!("IndexConfigNotExist"),
        )?,
        other => return Err(format!("our look at the deleted index: {other:?}").into()),
    }
    Ok(answer.calls)
}

fn check(told: &Value) -> Result<()> {
    let refusals = [
        ("update_before", "ParameterInvalid"),
        ("get_before", "IndexConfigNotExist"),
        ("create_again", "IndexAlreadyExist"),
        ("get_after", "IndexConfigNotExist"),
        ("delete_again", "ParameterInvalid"),
    ];
    for (step, code) in refusals {
        expect(step, &told[step], &json!(code))?;
    }
    for (step, wanted) in [("created", created()), ("changed", changed())] {
        for reading in ["sent", "read"] {
            let found = &told[step][reading];
            let found = json!({"line": found["line"], "keys": found["keys"]});
            expect(&format!("{step}, as {reading}"), &found, &wanted)?;
        }
        let sent = &told[step]["sent"];
        let by_the_service = json!([sent["index_mode"], sent["ttl"]]);
        expect(step, &by_the_service, &json!(["v2", 30]))?;
    }
    Ok(())
}

/// With everything that Python's index always writes, so that nothing is added to it.
fn created() -> Value {
    json!({
        "line": {
            "token": [",", " ", "\"", "\n"], "caseSensitive": false, "chn": false,
            "auto_text_keys": [], "auto_key_detect": false,
        },
        "keys": {
            "level": {
                "type": "text", "token": [","], "caseSensitive": true, "alias": "l",
                "doc_value": true, "chn": false,
            },
            "日志": {
                "type": "text", "token": [], "caseSensitive": false, "doc_value": false,
                "chn": true,
            },
        },
    })
}

fn changed() -> Value {
    json!({
        "line": {
            "token": [","], "caseSensitive": true, "chn": true,
            "auto_text_keys": [], "auto_key_detect": false,
        },
        "keys": {
            "n": {"type": "long", "doc_value": true},
            "seconds": {"type": "double", "doc_value": true, "alias": "s"},
            "request": {
                "type": "json", "token": [" "], "caseSensitive": false, "doc_value": true,
                "chn": false, "index_all": true, "max_depth": 3,
                "json_keys": {"a.b": {"type": "long", "doc_value": true, "alias": "x"}},
            },
        },
    })
}
