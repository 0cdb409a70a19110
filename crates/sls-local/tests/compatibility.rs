//! The page about differences names tests that exist.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of all tables, as the text of their first and last cell.
fn rows(page: &str) -> Vec<(String, String)> {
    page.lines()
        .filter(|line| line.starts_with("| ") && !line.ends_with("| test |"))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
            let text = |cell: &str| cell.trim().to_owned();
            (text(cells[0]), text(cells.last().unwrap()))
        })
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn is_test(name: &str) -> bool {
    let (file, test) = name.split_once("::").unwrap();
    let file = crate_folder().join("tests").join(file).with_extension("rs");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.contains(&format!("async fn {test}("))
}

fn has_tests(path: &str) -> bool {
    let folder = match path.split_once('/') {
        Some(("growingio-codecs", _)) => crate_folder().join(".."),
        _ => crate_folder().join("src"),
    };
    let text = fs::read_to_string(folder.join(path)).unwrap_or_default();
    text.contains("#[test]") || text.contains("#[tokio::test")
}

#[test]
fn every_difference_has_a_test() {
    let page = crate_folder().join("../../docs/compatibility.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 50, "only {} rows were found", rows.len());
    for (difference, tests) in rows {
        let tests = quoted(&tests);
        assert!(!tests.is_empty(), "no test is named for: {difference}");
        for test in tests {
            let is_file = Path::new(test).extension().is_some();
            let found = if is_file {
                has_tests(test)
            } else {
                is_test(test)
            };
            assert!(found, "{test} is not there: {difference}");
        }
    }
}
