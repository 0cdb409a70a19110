//! Input: `{"from": S, "to": S, "questions": [{"query", "topic"?, "line"?, "offset"?,
//! "reverse"?}]}`. Result: for each question whether the answer is complete, and its logs.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::session::{Result, Session, input};

#[derive(Deserialize)]
struct Asked {
    from: i64,
    to: i64,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    query: String,
    topic: Option<String>,
    line: Option<u32>,
    offset: Option<u32>,
    reverse: Option<bool>,
}

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let asked: Asked = input()?;
    let mut found = Vec::new();
    for question in asked.questions {
        let mut call = session
            .client
            .get_logs(&session.project, &session.logstore)
            .from(asked.from)
            .to(asked.to)
            .query(question.query);
        if let Some(topic) = question.topic {
            call = call.topic(topic);
        }
        if let Some(line) = question.line {
            call = call.line(line);
        }
        if let Some(offset) = question.offset {
            call = call.offset(offset);
        }
        if let Some(reverse) = question.reverse {
            call = call.reverse(reverse);
        }
        let told = session.call(call.send()).await?;
        let told = told.get_body();
        found.push(json!({
            "complete": told.is_complete(),
            "count": told.meta().count(),
            "logs": told.logs(),
        }));
    }
    Ok(json!(found))
}
