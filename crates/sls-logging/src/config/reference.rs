//! Holds the reference page to what the code knows.

use std::fs;
use std::path::Path;

use super::from_env::{VARIABLES, variable_of};
use super::logging_conf::{FORMATTER as CONF_FORMATTER, HANDLER as CONF_HANDLER};
use super::logging_conf::{LOGGER as CONF_LOGGER, QUEUED_HANDLERS, STREAM_HANDLERS};
use super::pattern::{FACTS, LINE};
use super::read::{CONSOLE, FORMATTER, HANDLER, LOGGER, TOP};
use super::{LONGEST_CONFIG, sls};

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/logging-configuration.md");
    fs::read_to_string(page).unwrap()
}

/// Fails with every row that the page lacks, ready to be put in.
#[track_caller]
fn assert_rows(rows: impl IntoIterator<Item = String>) {
    let page = page();
    let missing = rows.into_iter().filter(|row| !page.contains(row.as_str()));
    let missing = missing.collect::<Vec<_>>();
    assert!(missing.is_empty(), "the page lacks\n{}", missing.join("\n"));
}

#[test]
fn the_page_has_every_setting_of_an_sls_handler() {
    assert_rows(sls::SETTINGS.iter().map(|setting| {
        format!(
            "| `{}` | {} | {} | {} | {} |",
            setting.key,
            setting
                .python
                .map_or_else(|| "-".to_owned(), |name| format!("`{name}`")),
            setting.kind.describe(),
            setting.default,
            setting.meaning,
        )
    }));
}

#[test]
fn the_page_has_every_variable() {
    assert_rows(
        VARIABLES
            .iter()
            .map(|(name, default, meaning)| format!("| `{name}` | {default} | {meaning} |")),
    );
    // The rest follow a rule, which the page gives with an example.
    let example = sls::SETTINGS.iter().find(|one| one.key == "queue_size");
    assert_rows([variable_of(example.unwrap())]);
}

#[test]
fn the_page_has_every_name_of_a_format() {
    assert_rows(
        FACTS
            .iter()
            .map(|(name, _, meaning)| format!("| `{name}` | {meaning} |")),
    );
}

#[test]
fn the_page_has_every_key() {
    let keys = [&TOP[..], &LOGGER, &HANDLER, &CONSOLE, &FORMATTER].concat();
    assert_rows(keys.iter().map(|key| format!("| `{key}` |")));
    let options = [&CONF_LOGGER[..], &CONF_HANDLER, &CONF_FORMATTER].concat();
    assert_rows(options.iter().map(|option| format!("`{option}`")));
    let classes = [&STREAM_HANDLERS[..], &QUEUED_HANDLERS].concat();
    assert_rows(classes.iter().map(|class| format!("`{class}`")));
}

/// Keys that are no longer there must not stay on the page.
#[test]
fn the_page_has_no_setting_that_does_not_exist() {
    let page = page();
    let section = page.split("## A handler of the type `sls`").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    for row in rows {
        let key = row.split('`').nth(1).unwrap();
        assert!(
            sls::SETTINGS.iter().any(|setting| setting.key == key),
            "{key}"
        );
    }
    assert!(LONGEST_CONFIG == 1 << 20 && page.contains("1 MiB"));
    assert!(page.contains(&format!("Without a formatter a line is `{LINE}`")));
}
