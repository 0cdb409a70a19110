use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use sls_spl::{Error, Field, Options, Program};
use testkit::{Outcome, Tally, cases_below};

/// Every file is a list of cases.
pub(super) fn run(folder: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    for file in cases_below(folder, &mut tally)? {
        let Some(cases) = file.json.as_array() else {
            tally.note(file.file, Outcome::Failed("not a list of cases".to_owned()));
            continue;
        };
        for case in cases {
            let name = case["name"].as_str().unwrap_or("unnamed");
            let outcome = Outcome::of(check(case).err());
            tally.note(format!("{} {name}", file.file), outcome);
        }
    }
    Ok(tally)
}

/// The text of every field that is not null.
type Row = BTreeMap<String, String>;

fn check(case: &Value) -> Result<(), String> {
    let query = case["query"].as_str().ok_or("the case has no query")?;
    let mut options = Options::default();
    if let Some(zone) = case["timezone"].as_str() {
        options = options.with_time_zone(zone);
    }
    let program = Program::compile(query, &options);
    if let Some(kind) = case["error"]["kind"].as_str() {
        return refused(kind, program.err().as_ref());
    }
    let program = program.map_err(|error| error.one_line())?;
    same_warnings(&case["warnings"], &program)?;

    let mut evaluator = program.evaluator(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let mut got = Vec::new();
    for row in list(&case["input"]) {
        let input = text_fields(row)?;
        let fields = typed(&input)?;
        let outcome = evaluator.row(&fields, &mut |row| {
            let fields = row.to_fields().into_iter();
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let fields = fields.map(|(name, bytes)| (name, text(bytes)));
            got.push(fields.collect::<Row>());
        });
        outcome.map_err(|error| error.one_line())?;
    }
    let as_json = list(&case["json_fields"]).iter().filter_map(Value::as_str);
    same_rows(list(&case["output"]), &got, &as_json.collect())?;

    let failed = evaluator.report().rows_failed();
    match case["data_errors"].as_u64() {
        Some(want) if want != failed => {
            Err(format!("{failed} rows with a data error, want {want}"))
        }
        _ => Ok(()),
    }
}

/// The class of the error must be right; within the first class, the exact kind may differ.
fn refused(want: &str, error: Option<&Error>) -> Result<(), String> {
    let class = |kind: &str| match kind {
        "syntax" | "semantic" | "type" => "invalid query".to_owned(),
        other => other.to_owned(),
    };
    match error {
        Some(error) if class(error.kind().as_str()) == class(want) => Ok(()),
        Some(error) => Err(format!("got {}, want kind {want}", error.one_line())),
        None => Err(format!("the query was accepted, want kind {want}")),
    }
}

fn same_warnings(want: &Value, program: &Program) -> Result<(), String> {
    if want.is_null() {
        return Ok(());
    }
    let want: BTreeSet<&str> = list(want).iter().filter_map(Value::as_str).collect();
    let got = program.warnings().iter();
    let got: BTreeSet<&str> = got.map(|warning| warning.kind().as_str()).collect();
    if want == got {
        Ok(())
    } else {
        Err(format!("warnings {got:?}, want {want:?}"))
    }
}

fn text_fields(row: &Value) -> Result<Row, String> {
    let fields = row.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| match value.as_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(format!("the case's field {name} is not text")),
        })
        .collect()
}

/// Every value is text, except the two times.
fn typed(row: &Row) -> Result<Vec<(&str, Field<'_>)>, String> {
    row.iter()
        .map(|(name, text)| match name.as_str() {
            "__time__" | "__time_ns_part__" => match text.parse() {
                Ok(number) => Ok((name.as_str(), Field::BigInt(number))),
                Err(_) => Err(format!("the case's field {name} is not a number")),
            },
            name => Ok((name, Field::Text(text.as_bytes()))),
        })
        .collect()
}

fn same_rows(want: &[Value], got: &[Row], as_json: &BTreeSet<&str>) -> Result<(), String> {
    if want.len() != got.len() {
        return Err(format!("{} rows, want {}: {got:?}", got.len(), want.len()));
    }
    for (index, (want, got)) in want.iter().zip(got).enumerate() {
        let want = text_fields(want)?;
        for name in want.keys().chain(got.keys()) {
            let (want, got) = (want.get(name), got.get(name));
            let json = |text: Option<&String>| serde_json::from_str::<Value>(text?).ok();
            let same_json = || json(want).is_some() && json(want) == json(got);
            if want != got && !(as_json.contains(name.as_str()) && same_json()) {
                return Err(format!(
                    "row {index}, field {name}: got {got:?}, want {want:?}"
                ));
            }
        }
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
