//! The limits, and where errors point.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use sls_spl::{Error, ErrorKind, Field, Options, Program, Stopwatch};

fn refuse(text: &str, options: &Options) -> Error {
    Program::compile(text, options).expect_err("this program must be refused")
}

#[track_caller]
fn check(text: &str, wanted: &str) {
    assert_eq!(refuse(text, &Options::default()).one_line(), wanted);
}

#[test]
fn a_seventeenth_stage_is_refused() {
    let text = format!("*{}", " | where true".repeat(17));
    let error = refuse(&text, &Options::default());
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.message(), "more than 16 stages");
    assert!(Program::compile(&text, &Options::default().with_stage_limit(17)).is_ok());
    assert!(Program::compile("*", &Options::default().with_stage_limit(0)).is_ok());
}

#[test]
fn length_is_counted_in_bytes() {
    let text = format!("* | where a = '{}'", "é".repeat(5113));
    assert_eq!(text.len(), 10_242);
    assert_eq!(refuse(&text, &Options::default()).kind(), ErrorKind::Limit);
    assert!(Program::compile(&text, &Options::default().with_script_limit(10_242)).is_ok());
}

#[test]
fn errors_tell_line_and_column_in_characters() {
    check(
        "* | where 1",
        "type: where needs a BOOLEAN, this is BIGINT at line 1, column 11",
    );
    check(
        "*\n| where a = '中' ||\n  )",
        "syntax: expected an expression, found ')' at line 3, column 3",
    );
    check(
        "* | extend a=no_such(k)",
        "semantic: unknown function no_such at line 1, column 14",
    );
    check(
        "* | sort a",
        "unsupported: command sort is not allowed when consuming at line 1, column 5",
    );
    check(
        "",
        "syntax: expected '*', found the end at line 1, column 1",
    );
    check(
        "* | where a = 'x",
        "syntax: a string without its closing quote at line 1, column 15",
    );
    check(
        "* | wher a",
        "syntax: unknown command wher at line 1, column 5",
    );
    check(
        ".let a = *",
        "unsupported: control statements and datasets (.let, $name) are not allowed when consuming at line 1, column 1",
    );
}

#[test]
fn display_puts_a_caret_under_the_place() {
    let error = refuse(
        "* | extend a = 1\n    | where lenght(b) > 1",
        &Options::default(),
    );
    let wanted = "semantic: unknown function lenght at line 2, column 13\n\
                  \x20     | where lenght(b) > 1\n\
                  \x20             ^^^^^^^^^\n\
                  \x20 hint: did you mean length?";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(error.hint(), Some("did you mean length?"));
}

#[test]
fn strict_refuses_implicit_casts() {
    let options = Options::default().with_strict(true);
    assert_eq!(
        refuse("* | where status = 200", &options).kind(),
        ErrorKind::Type
    );
    assert!(Program::compile("* | where status = '200'", &options).is_ok());
}

#[test]
fn unknown_time_zone_is_refused() {
    let options = Options::default().with_time_zone("Mars/Olympus");
    assert_eq!(
        refuse("*", &options).one_line(),
        "semantic: unknown time zone \"Mars/Olympus\""
    );
}

/// A stopwatch that moves by a millisecond whenever it is read.
#[derive(Debug, Default)]
struct Ticking(AtomicU64);

impl Stopwatch for Ticking {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Runs rows until one fails or enough have passed.
fn run(query: &str, options: &Options, value: &[u8], rows: usize) -> Option<ErrorKind> {
    let program = Program::compile(query, options).expect("a good program");
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let row = [("s", Field::Text(value))];
    for _ in 0..rows {
        if let Err(error) = evaluator.row(&row, &mut |_| {}) {
            assert!(error.is_retryable());
            return Some(error.kind());
        }
    }
    None
}

#[test]
fn runs_end_at_the_time_limit() {
    let limit = |millis| {
        Options::default()
            .with_stopwatch(Arc::new(Ticking::default()))
            .with_time_limit(Duration::from_millis(millis))
    };
    assert_eq!(
        run("* | where s = 'x'", &limit(5), b"x", 10_000),
        Some(ErrorKind::Timeout)
    );
    assert_eq!(run("* | where s = 'x'", &limit(5), b"x", 100), None);
    assert_eq!(
        run("* | where s = 'x'", &limit(0), b"x", 1),
        Some(ErrorKind::Timeout)
    );
    // One row that becomes very many is stopped as well.
    let ten = b"[1,2,3,4,5,6,7,8,9,0]";
    let expand = format!("*{}", " | expand-values -keep s as t".repeat(16));
    assert_eq!(run(&expand, &limit(50), ten, 1), Some(ErrorKind::Timeout));
}

#[test]
fn runs_end_at_the_memory_limit() {
    let small = Options::default().with_memory_limit(64 << 10);
    assert_eq!(
        run("* | extend t = lpad(s, 100000, 'x')", &small, b"a", 1),
        Some(ErrorKind::Memory)
    );
    assert_eq!(
        run("* | extend t = lpad(s, 100, 'x')", &small, b"a", 1000),
        None
    );
    let grow = "* | extend s = concat(s, s, s, s)";
    let grow = format!(
        "{grow}{}",
        " | extend s = concat(s, s, s, s, s, s, s, s)".repeat(15)
    );
    let medium = Options::default().with_memory_limit(8 << 20);
    assert_eq!(
        run(&grow, &medium, b"0123456789", 1),
        Some(ErrorKind::Memory)
    );
}

#[test]
fn a_value_that_is_too_large_is_a_data_error() {
    let options = Options::default();
    for query in [
        "* | extend t = lpad(s, 9223372036854775807, 'x')",
        "* | extend t = replace(rpad(s, 1000000, 'x'), '', rpad(s, 1000000, 'y'))",
        "* | extend t = regexp_replace(rpad(s, 1000000, 'x'), 'x', rpad(s, 1000, 'y'))",
        "* | extend t = array_join(split(rpad(s, 1000000, ','), ','), rpad(s, 1000, 'y'))",
    ] {
        let program = Program::compile(query, &options).expect("a good program");
        let mut evaluator = program.evaluator(UNIX_EPOCH);
        let row = [("s", Field::Text(b"a"))];
        let result = evaluator.row(&row, &mut |_| {});
        assert!(result.is_ok(), "{query}");
        assert_eq!(evaluator.report().rows_failed(), 1, "{query}");
    }
}

#[test]
fn values_that_share_their_parts_stay_small() {
    let again = " | extend a = array[a, a, a, a, a, a, a, a, a, a]".repeat(16);
    for query in [
        format!("* | extend a = array[s]{again}"),
        format!("* | extend a = array[]{again}"),
        format!(
            "*{}",
            " | extend a = map(array['x', 'y'], array[a, a])".repeat(40)
        ),
        format!("*{}", " | extend a = map(array[a], array[a])".repeat(90)),
        format!(
            "* | extend a = array[1]{}",
            " | extend a = array[a]".repeat(90)
        ),
    ] {
        let options = Options::default().with_stage_limit(100);
        let program = Program::compile(&query, &options).expect("a good program");
        let mut evaluator = program.evaluator(UNIX_EPOCH);
        let row = [("s", Field::Text(b"a"))];
        let mut size = 0;
        let result = evaluator.row(&row, &mut |row| {
            row.visit(&mut |_, text| size += text.len())
        });
        assert!(result.is_ok());
        assert!(size < 64 << 20, "{size} bytes");
    }
}

#[test]
fn report_counts_rows_and_keeps_a_few_samples() {
    let program = Program::compile("* | where cast(s as bigint) > 1", &Options::default());
    let program = program.expect("a good program");
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let mut unchanged = 0;
    for text in ["1", "2", "x", "y", "z", "3", "v", "w", "u"] {
        let row = [("s", Field::Text(text.as_bytes()))];
        evaluator
            .row(&row, &mut |row| {
                unchanged += usize::from(row.is_unchanged())
            })
            .expect("no limit is near");
    }
    let report = evaluator.report();
    assert_eq!((report.rows_in(), report.rows_out()), (9, 2));
    assert_eq!((report.rows_dropped(), report.rows_failed()), (7, 6));
    assert_eq!(report.samples().len(), 5);
    assert_eq!(report.samples()[0], "cannot cast text to an integer: x");
    assert_eq!(unchanged, 2);
}

/// A row in which no single call may keep the run from looking at its stopwatch.
fn times_out(query: &str, value: &[u8]) {
    let options = Options::default()
        .with_stopwatch(Arc::new(Ticking::default()))
        .with_time_limit(Duration::from_millis(8));
    assert_eq!(
        run(query, &options, value, 1),
        Some(ErrorKind::Timeout),
        "{query}"
    );
}

#[test]
fn one_call_over_a_large_value_looks_at_the_stopwatch() {
    let large = vec![b'a'; 4 << 20];
    // A pattern with holes is compared at every place.
    times_out("* | where s like '%aaaaaaaaaaaaaaaaaaaaaaaa_b%'", &large);
    // Each of many searches may read the text to its end.
    for query in [
        "* | extend n = regexp_extract_all(s, 'a.{0,9}b|a')",
        "* | extend n = regexp_split(s, 'a.{0,9}b|a')",
        "* | extend n = regexp_replace(s, 'a.{0,9}b|a', '')",
        "* | parse-kv -regexp s, '(a)(.{0,9}b)?'",
    ] {
        times_out(query, &large[..1 << 20]);
    }
    // Many calls, each over all of a large value.
    let calls = vec!["length(s)"; 20].join(" + ");
    times_out(&format!("* | extend n = {calls}"), &large);
    times_out(
        "* | extend n = transform(split('1,2,3,4,5,6,7,8,9', ','), x -> md5(to_utf8(s)))",
        &large[..1 << 20],
    );
}

#[test]
fn lists_stop_growing_where_no_value_could_hold_them() {
    let commas = vec![b','; 4 << 20];
    let options = Options::default();
    for query in [
        "* | extend n = split(s, ',')",
        "* | extend n = split(s, '')",
        "* | extend n = regexp_split(s, ',')",
        "* | extend n = regexp_extract_all(s, ',')",
    ] {
        let program = Program::compile(query, &options).expect("a good program");
        let mut evaluator = program.evaluator(UNIX_EPOCH);
        let row = [("s", Field::Text(&commas))];
        evaluator.row(&row, &mut |_| {}).expect("no limit is near");
        let report = evaluator.report();
        assert_eq!(report.samples(), ["the result is too large"], "{query}");
    }
}

#[test]
fn large_patterns_from_rows_are_data_errors() {
    let braces = "{".repeat(100_000);
    for query in ["* | where regexp_like('a', s)", "* | where 'a' like s"] {
        let program = Program::compile(query, &Options::default()).expect("a good program");
        let mut evaluator = program.evaluator(UNIX_EPOCH);
        let row = [("s", Field::Text(braces.as_bytes()))];
        evaluator.row(&row, &mut |_| {}).expect("no limit is near");
        assert_eq!(evaluator.report().rows_failed(), 1, "{query}");
    }
}

#[test]
fn names_with_line_breaks_leave_errors_on_one_line() {
    // Found by fuzzing: the message had the name as written.
    check(
        "* | extend \"b\nc\" = 1, \"b\nc\" = 2",
        "semantic: b\\nc is an output twice at line 2, column 9",
    );
}
