//! Searches, histograms and topics.

use serde_json::{Value, json};
use sls_client::LogstoreHandle;
use sls_core::model::LogQuery;
use suites::clients::Result;
use suites::clients::checks::searched::{FIRST, SOURCE, Searched, TOPICS, contents, level};
use suites::clients::groups::expect;

use crate::World;

const SEARCHED: Searched = Searched {
    // With three topics more than one page, which has a hundred.
    seconds: 50,
    // Longer than what is there.
    asked: 100,
};

/// A question in the words of `queries.py`, and which logs answer it, in their order.
struct Question {
    arguments: Value,
    wanted: Vec<Value>,
}

/// Python asks in each of its ways, and finds what is there; ours finds as much.
pub(crate) async fn asked_by_python(world: &World) -> Result<u64> {
    let logstore = SEARCHED.store(world, "queries").await?;
    let questions = questions();
    let arguments: Value = questions
        .iter()
        .map(|asked| asked.arguments.clone())
        .collect();
    let (found, calls) = ask(world, &logstore, &arguments).await?;
    for (asked, found) in questions.iter().zip(found.as_array().into_iter().flatten()) {
        let what = format!("{} of {}", asked.arguments, logstore.name());
        let wanted = json!({
            "complete": true,
            "count": asked.wanted.len(),
            "logs": asked.wanted,
        });
        expect(&what, found, &wanted)?;
        if asked.arguments["call"] == "get_log" && asked.arguments["size"] == -1 {
            let query = asked.arguments["query"].as_str().unwrap_or_default();
            let topic = asked.arguments["topic"].as_str().unwrap_or_default();
            let (from, to) = SEARCHED.range();
            let query = LogQuery::between(from, to)
                .with_query(query)
                .with_topic(topic);
            let ours = logstore.query_pages(query, u64::MAX).await?;
            let count = ours.rows.len();
            expect(&format!("our {what}"), &json!(count), &found["count"])?;
        }
    }
    Ok(calls)
}

/// Both clients see the same bars, and all logs are in them.
pub(crate) async fn histograms(world: &World) -> Result<u64> {
    let logstore = SEARCHED.store(world, "histograms").await?;
    let questions = json!([
        {"call": "histograms", "query": "*"},
        {"call": "histograms", "query": "level: ERROR", "topic": TOPICS[2]},
    ]);
    let (found, calls) = ask(world, &logstore, &questions).await?;
    for (at, (query, topic, count)) in SEARCHED.bars().into_iter().enumerate() {
        let found = &found[at];
        expect(
            query,
            &json!([found["complete"], found["count"]]),
            &json!([true, count]),
        )?;
        let parts = SEARCHED.our_bars(world, &logstore, query, topic).await?;
        let parts = parts
            .into_iter()
            .map(|(from, to, count)| json!([from, to, count, true]));
        expect(
            &format!("parts of {query}"),
            &found["parts"],
            &parts.collect(),
        )?;
    }
    Ok(calls)
}

/// Python lists the topics page by page.
pub(crate) async fn topics(world: &World) -> Result<u64> {
    let logstore = SEARCHED.store(world, "topics").await?;
    let questions = json!([
        {"call": "topics"},
        {"call": "topics", "line": 1},
        {"call": "topics", "token": TOPICS[1]},
    ]);
    let (found, calls) = ask(world, &logstore, &questions).await?;
    let wanted = json!([
        {"topics": TOPICS, "next": ""},
        // A token comes in a header, where Python reads ASCII only as it was written.
        {"topics": [TOPICS[0]], "next": TOPICS[1]},
        {"topics": [TOPICS[1], TOPICS[2]], "next": ""},
    ]);
    expect("topics", &found, &wanted)?;
    expect(
        "our topics",
        &json!(logstore.topics().await?),
        &json!(TOPICS),
    )?;
    Ok(calls)
}

fn questions() -> Vec<Question> {
    let all = |_: u32, _: &str| true;
    let question = |arguments, keep: &dyn Fn(u32, &str) -> bool| Question {
        arguments,
        wanted: rows(keep),
    };
    let reversed = |mut question: Question| {
        question.wanted.reverse();
        question
    };
    let part = |mut question: Question, from: usize, most: usize| {
        question.wanted = question.wanted.into_iter().skip(from).take(most).collect();
        question
    };
    vec![
        question(json!({"call": "get_log", "query": "*", "size": -1}), &all),
        question(
            json!({"call": "get_log", "query": "level: ERROR", "size": -1}),
            &|n, _| level(n) == "ERROR",
        ),
        question(
            json!({"call": "get_log", "query": "*", "topic": TOPICS[2], "size": -1}),
            &|_, topic| topic == TOPICS[2],
        ),
        part(
            question(
                json!({"call": "get_log", "query": "*", "size": 120, "offset": 20}),
                &all,
            ),
            20,
            120,
        ),
        part(
            question(
                json!({"call": "get_logs", "query": "*", "line": 3, "offset": 4}),
                &all,
            ),
            4,
            3,
        ),
        part(
            reversed(question(
                json!({"call": "get_logs", "query": "*", "line": 3, "reverse": true}),
                &all,
            )),
            0,
            3,
        ),
        question(
            json!({"call": "get_logs", "query": "level: ERROR and number: 6"}),
            &|n, _| n == 6,
        ),
        question(
            json!({"call": "get_logs", "query": "number: 6 or number: 7"}),
            &|n, _| matches!(n, 6 | 7),
        ),
        question(
            json!({"call": "get_logs", "query": "(number: 6 or number: 7) not level: ERROR"}),
            &|n, _| n == 7,
        ),
        question(
            json!({"call": "get_logs", "query": "number: 6 and 付款"}),
            &|n, _| n == 6,
        ),
        question(
            json!({"call": "get_logs", "query": "level: ERROR and number: 6", "v2": true}),
            &|n, _| n == 6,
        ),
        question(
            json!({"call": "get_logs", "query": "* | where cast(number as bigint) > 47"}),
            &|n, _| n > 47,
        ),
    ]
}

/// The logs that a question is about, as Python shows them.
fn rows(keep: &dyn Fn(u32, &str) -> bool) -> Vec<Value> {
    let rows = SEARCHED.matching(keep).map(|(n, topic)| {
        let mut contents = contents(n);
        contents["__topic__"] = json!(topic);
        json!([FIRST + n, SOURCE, contents])
    });
    rows.collect()
}

async fn ask(world: &World, logstore: &LogstoreHandle, questions: &Value) -> Result<(Value, u64)> {
    let (from, to) = (FIRST.to_string(), (FIRST + SEARCHED.asked).to_string());
    let program = world.program(
        &world.access(),
        logstore.name(),
        "queries.py",
        [from.as_str(), to.as_str()],
    );
    let answer = program.answer(&questions.to_string()).await?;
    Ok((answer.result, answer.calls))
}
