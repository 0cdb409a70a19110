//! The other side: the engine, in a Python process.

use std::time::Duration;

use serde_json::{Value, json};
use suites::clients::Result;
use suites::clients::program::Program;
use suites::clients::python::Python;
use suites::clients::world::Programs as _;

use crate::datum::Datum;
use crate::outcome::Theirs;
use crate::subject::Subject;

/// All expressions together take seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// Evaluates every row of every subject.
pub(crate) async fn evaluate(python: &Python, subjects: &[Subject]) -> Result<Vec<Vec<Theirs>>> {
    let expressions: Vec<Value> = subjects.iter().map(wire).collect();
    let input = serde_json::to_string(&expressions)?;
    let command = python.command("evaluate.py", []);
    let answer = Program::new(command)
        .with_limit(LIMIT)
        .answer(&input)
        .await?;
    let results = answer.result.as_array().ok_or("no list of results")?;
    if results.len() != subjects.len() {
        return Err(format!(
            "{} results for {} expressions",
            results.len(),
            subjects.len()
        )
        .into());
    }
    results.iter().map(rows).collect()
}

fn wire(subject: &Subject) -> Value {
    let kinds: Vec<_> = subject.kinds.iter().map(ToString::to_string).collect();
    let row = |row: &Vec<Datum>| -> Value { row.iter().map(Datum::to_wire).collect() };
    let rows: Vec<_> = subject.rows.iter().map(row).collect();
    json!({ "text": subject.theirs(), "kinds": kinds, "rows": rows })
}

fn rows(result: &Value) -> Result<Vec<Theirs>> {
    let rows = result.as_array().ok_or("no list of rows")?;
    rows.iter().map(outcome).collect()
}

fn outcome(value: &Value) -> Result<Theirs> {
    if let Some(reason) = value["error"].as_str() {
        return Ok(Theirs::Error(reason.to_owned()));
    }
    if let Some(reason) = value["refused"].as_str() {
        return Ok(Theirs::Refused(reason.to_owned()));
    }
    if value["value"].is_null() {
        return Ok(Theirs::Null);
    }
    let kind = value["kind"]
        .as_str()
        .ok_or("a value without a type")?
        .parse()?;
    let datum = Datum::from_wire(&kind, &value["value"])?;
    Ok(Theirs::Value(kind, datum))
}

#[cfg(test)]
mod tests {
    use crate::datum::Kind;

    use super::*;

    #[test]
    fn every_form_of_an_outcome_is_read() {
        let read = |value: Value| outcome(&value).unwrap();
        let null = json!({ "kind": "BIGINT", "value": null });
        assert_eq!(read(null), Theirs::Null);
        let value = json!({ "kind": "BIGINT", "value": 1 });
        assert_eq!(read(value), Theirs::Value(Kind::Bigint, Datum::from(1)));
        assert_eq!(
            read(json!({ "error": "why" })),
            Theirs::Error("why".to_owned())
        );
        assert_eq!(
            read(json!({ "refused": "why" })),
            Theirs::Refused("why".to_owned())
        );
    }
}
