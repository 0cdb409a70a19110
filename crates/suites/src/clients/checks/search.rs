//! Searches, histograms, and the neighbours of a log.

use serde_json::{Value, json};
use sls_client::LogstoreHandle;
use sls_core::model::{Log, LogGroup};
use sls_core::wire::EncodedGroup;

use super::super::Result;
use super::super::groups::expect;
use super::super::world::{Programs, World};
use super::searched::{FIRST, SOURCE, Searched, TOPICS, contents, indexed};

const SECONDS: u32 = 20;
const SEARCHED: Searched = Searched {
    seconds: SECONDS,
    asked: SECONDS,
};

/// Theirs asks in one of its ways, and finds what is there.
///
/// # Errors
/// When it finds something else, and when a call fails.
pub async fn asked_by_theirs<P: Programs>(world: &World<P>, way: &str) -> Result<u64> {
    let logstore = SEARCHED.store(world, &format!("search-{way}")).await?;
    let mut questions = questions();
    for (question, _) in &mut questions {
        question["way"] = json!(way);
    }
    let (found, calls) = ask(world, &logstore, "search", questions.iter()).await?;
    for ((question, wanted), found) in questions.iter().zip(found.as_array().into_iter().flatten())
    {
        let wanted = json!({"complete": true, "count": wanted.len(), "logs": wanted});
        expect(&question.to_string(), found, &wanted)?;
    }
    Ok(calls)
}

/// Both clients see the same bars, and all logs are in them.
///
/// # Errors
/// When they differ, and when a call fails.
pub async fn histograms<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = SEARCHED.store(world, "histograms").await?;
    let questions = SEARCHED.bars();
    let asked = questions.map(|(query, topic, count)| {
        let question = json!({"query": query, "topic": topic});
        (question, vec![Value::Null; count])
    });
    let (found, calls) = ask(world, &logstore, "histograms", asked.iter()).await?;
    for (at, (query, topic, count)) in questions.into_iter().enumerate() {
        let found = &found[at];
        let whole = json!([found["complete"], found["count"]]);
        expect(query, &whole, &json!([true, count]))?;
        let parts = SEARCHED.our_bars(world, &logstore, query, topic).await?;
        let what = format!("parts of {query}");
        expect(&what, &found["parts"], &json!(parts))?;
    }
    Ok(calls)
}

/// Theirs finds a log that a producer sent, and those that the producer sent around it.
///
/// # Errors
/// When it finds others, and when a call fails.
pub async fn neighbours<P: Programs>(world: &World<P>) -> Result<u64> {
    let logstore = indexed(world, "neighbours").await?;
    for part in 0..3 {
        let logs = (0..3).map(|n| {
            let number = part * 3 + n;
            Log::at(FIRST + number).with("number", number.to_string())
        });
        let group = LogGroup::new(logs.collect())
            .with_topic("t")
            .with_source("s")
            .with_tag("__pack_id__", format!("5D41402ABC4B2A76-{part:X}"));
        logstore.put(&EncodedGroup::from(&group)).await?;
    }
    let program = world.program(&world.access(), logstore.name(), "context", []);
    let asked = json!({
        "from": FIRST, "to": FIRST + SECONDS, "query": "number: 4", "back": 2, "forward": 3,
    });
    let answer = program.answer(&asked.to_string()).await?;
    let logs = [
        ("-2", "2"),
        ("-1", "3"),
        ("0", "4"),
        ("1", "5"),
        ("2", "6"),
        ("3", "7"),
    ];
    let wanted = json!({"complete": true, "logs": logs});
    expect("neighbours", &answer.result, &wanted)?;
    Ok(answer.calls)
}

/// Questions in the words of the program, and the logs that answer them, in their order.
fn questions() -> Vec<(Value, Vec<Value>)> {
    let all = |_: u32, _: &str| true;
    let mut reversed = rows(&all);
    reversed.reverse();
    vec![
        (json!({"query": "*", "line": 100}), rows(&all)),
        (
            json!({"query": "*", "topic": TOPICS[2], "line": 100}),
            rows(&|_, topic| topic == TOPICS[2]),
        ),
        (
            json!({"query": "*", "line": 3, "offset": 4}),
            rows(&all)[4..7].to_vec(),
        ),
        (
            json!({"query": "*", "line": 3, "reverse": true}),
            reversed[..3].to_vec(),
        ),
        (
            json!({"query": "level: ERROR and number: 6", "line": 100}),
            rows(&|n, _| n == 6),
        ),
        (
            json!({"query": "(number: 6 or number: 7) not level: ERROR and 付款", "line": 100}),
            rows(&|n, _| n == 7),
        ),
        (
            json!({"query": "* | where cast(number as bigint) > 17", "line": 100}),
            rows(&|n, _| n > 17),
        ),
    ]
}

/// The logs that a question is about.
fn rows(keep: &dyn Fn(u32, &str) -> bool) -> Vec<Value> {
    let rows = SEARCHED.matching(keep).map(|(n, topic)| {
        let mut row = contents(n);
        row["__time__"] = json!((FIRST + n).to_string());
        row["__topic__"] = json!(topic);
        row["__source__"] = json!(SOURCE);
        row
    });
    rows.collect()
}

async fn ask<P: Programs>(
    world: &World<P>,
    logstore: &LogstoreHandle,
    program: &str,
    questions: impl Iterator<Item = &(Value, Vec<Value>)>,
) -> Result<(Value, u64)> {
    let questions: Vec<_> = questions.map(|(question, _)| question).collect();
    let asked = json!({"from": FIRST, "to": FIRST + SECONDS, "questions": questions});
    let program = world.program(&world.access(), logstore.name(), program, []);
    let answer = program.answer(&asked.to_string()).await?;
    expect(
        "number of answers",
        &json!(answer.result.as_array().map(Vec::len)),
        &json!(questions.len()),
    )?;
    Ok((answer.result, answer.calls))
}
