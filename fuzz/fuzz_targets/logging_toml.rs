//! Settings in TOML and JSON: any text is read or refused with a place inside of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sls_logging::config::{MOST_PROBLEMS, Settings, Syntax};

fuzz_target!(|text: &str| {
    for syntax in [Syntax::Toml, Syntax::Json, Syntax::from_content(text)] {
        let Err(error) = Settings::from_str(text, syntax) else {
            continue;
        };
        let problems = error.problems();
        assert!((1..=MOST_PROBLEMS).contains(&problems.len()));
        for place in problems.iter().filter_map(|problem| problem.place()) {
            let line = text.split('\n').nth(place.line as usize - 1);
            let line = line.expect("the line is there");
            assert!(place.column as usize - 1 <= line.chars().count());
        }
        assert!(!error.to_string().contains('\n'));
    }
});
