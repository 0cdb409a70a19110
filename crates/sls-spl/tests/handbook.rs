//! Runs every example of the page about the language.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use sls_spl::{Field, Options, Program};

type Fields = BTreeMap<String, String>;

fn fields(json: &str) -> Fields {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// Runs one example: the program, then `in` lines, then `out` lines.
fn check(example: &str) {
    let mut query = String::new();
    let (mut input, mut wanted): (Vec<Fields>, Vec<Fields>) = (Vec::new(), Vec::new());
    for line in example.lines() {
        match line.split_once(" {") {
            Some(("in ", json)) => input.push(fields(&format!("{{{json}"))),
            Some(("out", json)) => wanted.push(fields(&format!("{{{json}"))),
            _ => {
                query.push_str(line);
                query.push('\n');
            }
        }
    }
    assert!(!input.is_empty(), "an example without rows:\n{example}");
    let options = Options::default().with_time_zone("UTC");
    let program = Program::compile(&query, &options).unwrap_or_else(|error| panic!("{error}"));
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let mut got: Vec<Fields> = Vec::new();
    for row in &input {
        let row: Vec<(&str, Field<'_>)> = row
            .iter()
            .map(|(name, text)| (name.as_str(), Field::Text(text.as_bytes())))
            .collect();
        let mut keep = |fields: Vec<(String, Vec<u8>)>| {
            let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
            got.push(
                fields
                    .into_iter()
                    .map(|(name, bytes)| (name, text(bytes)))
                    .collect(),
            );
        };
        let result = evaluator.row(&row, &mut |row| keep(row.to_fields()));
        result.unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(got, wanted, "{query}");
}

#[test]
fn every_example_of_the_page_holds() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/spl.md");
    let page = std::fs::read_to_string(page).expect("the page is part of the workspace");
    let mut examples = 0;
    for block in page.split("```spl\n").skip(1) {
        let (example, _) = block.split_once("```").expect("a closed block");
        check(example);
        examples += 1;
    }
    assert!(examples >= 15, "only {examples} examples");
}
