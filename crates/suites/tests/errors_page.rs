//! The page of error codes and the codes that the crates know are the same.

use std::collections::BTreeSet;
use std::path::Path;

use sls_core::{ErrorCode, RetryClass};

/// The rows of all tables of codes: the names, and what another try does.
fn rows() -> Vec<(Vec<String>, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| cells.len() == 7)
        .map(|cells| {
            let names = cells[1]
                .split(", ")
                .map(|name| name.trim_matches('`').to_owned());
            (names.collect(), cells[3].to_owned())
        })
        .collect()
}

#[test]
fn every_code_has_one_row_with_all_its_spellings() {
    let told: Vec<Vec<String>> = rows().into_iter().map(|(names, _)| names).collect();
    let unique: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(told.len(), unique.len(), "a code has two rows");
    let known: BTreeSet<Vec<String>> = ErrorCode::known()
        .map(|code| {
            code.spellings()
                .iter()
                .map(|&name| name.to_owned())
                .collect()
        })
        .collect();
    assert_eq!(unique, known);
}

#[test]
fn the_page_and_the_code_agree_on_another_try() {
    for (names, told) in rows() {
        let code = ErrorCode::parse(&names[0]);
        let class = match RetryClass::of_refusal(&code, 0) {
            RetryClass::Never => "no",
            RetryClass::Backoff => "later",
            RetryClass::Quota => "slower",
            RetryClass::ClockSkew => "clock",
            RetryClass::Credentials => "key",
        };
        assert_eq!(told, class, "{code}");
    }
}
