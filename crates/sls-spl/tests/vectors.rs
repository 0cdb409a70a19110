//! Runs the recorded cases of the language; the rules are in the README beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use sls_spl::{Field, Options, Program};

type Fields = BTreeMap<String, String>;

/// One input row: text for every field, numbers for the times.
struct Input(Vec<(String, Result<i64, String>)>);

impl Input {
    fn new(row: &Value) -> Self {
        let fields = text_fields(row).into_iter().map(|(name, text)| {
            let value = match name.as_str() {
                "__time__" | "__time_ns_part__" => Ok(text.parse().expect("a number")),
                _ => Err(text),
            };
            (name, value)
        });
        Self(fields.collect())
    }

    fn row(&self) -> Vec<(&str, Field<'_>)> {
        let field = |value| match value {
            &Ok(number) => Field::BigInt(number),
            Err(text) => Field::Text(String::as_bytes(text)),
        };
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), field(value)))
            .collect()
    }
}

fn text_fields(row: &Value) -> Fields {
    let object = row.as_object().expect("a row is an object");
    let text = |value: &Value| value.as_str().expect("a field is a string").to_owned();
    object
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// Why a case does not hold.
fn run(case: &Value) -> Result<(), String> {
    let query = case["query"].as_str().expect("a case has a query");
    let zone = case["timezone"].as_str().unwrap_or("Asia/Shanghai");
    let options = Options::default().with_time_zone(zone);
    let program = Program::compile(query, &options);
    if let Some(kind) = case["error"]["kind"].as_str() {
        return match program {
            Ok(_) => Err(format!("compiled, but {kind} is wanted")),
            Err(error) if error.kind().as_str() == kind => Ok(()),
            Err(error) => Err(format!("{kind} is wanted: {}", error.one_line())),
        };
    }
    let program = program.map_err(|error| error.to_string())?;
    if let Some(wanted) = case["warnings"].as_array() {
        let got: Vec<&str> = program
            .warnings()
            .iter()
            .map(|w| w.kind().as_str())
            .collect();
        let wanted: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
        if got != wanted {
            return Err(format!("warnings {got:?}, wanted {wanted:?}"));
        }
    }
    let mut evaluator = program.evaluator(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let mut got: Vec<Fields> = Vec::new();
    for row in case["input"].as_array().expect("a case has input") {
        let input = Input::new(row);
        evaluator
            .row(&input.row(), &mut |row| {
                let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
                let fields = row.to_fields().into_iter();
                got.push(fields.map(|(name, bytes)| (name, text(bytes))).collect());
            })
            .map_err(|error| error.one_line())?;
    }
    let wanted: Vec<Fields> = case["output"]
        .as_array()
        .expect("a case has output")
        .iter()
        .map(text_fields)
        .collect();
    let as_json: Vec<&str> = case["json_fields"]
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    compare(&got, &wanted, &as_json)?;
    if let Some(wanted) = case["data_errors"].as_u64() {
        let report = evaluator.report();
        if report.rows_failed() != wanted {
            return Err(format!(
                "{} rows with data errors, wanted {wanted}: {:?}",
                report.rows_failed(),
                report.samples()
            ));
        }
    }
    Ok(())
}

fn compare(got: &[Fields], wanted: &[Fields], as_json: &[&str]) -> Result<(), String> {
    if got.len() != wanted.len() {
        return Err(format!(
            "{} rows, wanted {}: {got:?}",
            got.len(),
            wanted.len()
        ));
    }
    for (at, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let names: std::collections::BTreeSet<&String> = got.keys().chain(wanted.keys()).collect();
        for name in names {
            let (got, wanted) = (got.get(name), wanted.get(name));
            let json =
                |text: Option<&String>| -> Option<Value> { serde_json::from_str(text?).ok() };
            let same = got == wanted
                || (as_json.contains(&name.as_str()) && got.is_some() && json(got) == json(wanted));
            if !same {
                return Err(format!(
                    "row {at}, field {name}: {got:?}, wanted {wanted:?}"
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn recorded_cases_hold() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/spl");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the recorded cases are part of the workspace")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let mut passed = 0;
    let mut failed = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let cases: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
        for case in cases {
            let name = case["name"].as_str().expect("a case has a name");
            match run(&case) {
                Ok(()) => passed += 1,
                Err(reason) => {
                    let file = file.file_name().unwrap_or_default().to_string_lossy();
                    failed.push(format!("{file}: {name}: {reason}"));
                }
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{passed} cases hold, {} do not:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(passed > 0, "no cases in {}", folder.display());
}
