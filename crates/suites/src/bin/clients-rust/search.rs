//! Searches.

use serde_json::{Value, json};
use sls_core::model::{IndexConfig, Log, LogGroup};
use sls_core::wire::EncodedGroup;
use suites::clients::Result;
use suites::clients::groups::expect;

use crate::World;

const FIRST: u32 = 1_700_000_000;
const LOGS: u32 = 40;

/// Theirs asks in each of its ways, and finds what is there.
pub(crate) async fn asked_by_theirs(world: &World) -> Result<u64> {
    let logstore = world.logstore("search", 1).await?;
    let index: IndexConfig = serde_json::from_value(json!({
        "line": {"token": [",", " "], "caseSensitive": false, "chn": true},
    }))?;
    logstore.create_index(index).await?;
    for topic in ["a", "b"] {
        let logs = (0..LOGS / 2).map(|n| {
            Log::at(FIRST + n)
                .with("n", n.to_string())
                .with("level", level(n))
                .with("message", "付款 was late")
        });
        let group = LogGroup::new(logs.collect())
            .with_topic(topic)
            .with_source("s");
        logstore.put(&EncodedGroup::from(&group)).await?;
    }
    let mut reversed = rows(&|_, topic| topic == "b");
    reversed.reverse();
    let questions = [
        (json!({"query": "*"}), rows(&|_, _| true)),
        (
            json!({"query": "*", "topic": "b"}),
            rows(&|_, topic| topic == "b"),
        ),
        (
            json!({"query": "*", "topic": "b", "reverse": true}),
            reversed,
        ),
        (
            json!({"query": "*", "line": 2, "offset": 3}),
            rows(&|_, _| true)[3..5].to_vec(),
        ),
        (
            json!({"query": "level: ERROR and n: 4"}),
            rows(&|n, _| n == 4),
        ),
        (
            json!({"query": "(n: 4 or n: 5) and not level: ERROR and 付款"}),
            rows(&|n, _| n == 5),
        ),
        (
            json!({"query": "* | where cast(n as bigint) > 17"}),
            rows(&|n, _| n > 17),
        ),
    ];
    let asked: Vec<_> = questions.iter().map(|(question, _)| question).collect();
    let asked = json!({"from": FIRST, "to": FIRST + LOGS, "questions": asked});
    let program = world.program(&world.access(), logstore.name(), "search", []);
    let answer = program.answer(&asked.to_string()).await?;
    for ((question, wanted), found) in questions
        .iter()
        .zip(answer.result.as_array().into_iter().flatten())
    {
        let wanted = json!({"complete": true, "count": wanted.len(), "logs": wanted});
        expect(&question.to_string(), found, &wanted)?;
    }
    Ok(answer.calls)
}

fn level(n: u32) -> &'static str {
    if n % 2 == 0 { "ERROR" } else { "INFO" }
}

/// The logs that a question is about, in order.
fn rows(keep: &dyn Fn(u32, &str) -> bool) -> Vec<Value> {
    (0..LOGS / 2)
        .flat_map(|n| ["a", "b"].map(|topic| (n, topic)))
        .filter(|(n, topic)| keep(*n, topic))
        .map(|(n, topic)| {
            json!({
                "__time__": (FIRST + n).to_string(),
                "__topic__": topic,
                "__source__": "s",
                "n": n.to_string(),
                "level": level(n),
                "message": "付款 was late",
            })
        })
        .collect()
}
