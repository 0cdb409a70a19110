//! The values of expressions, one to a line in `golden/expressions`.

use std::time::UNIX_EPOCH;

use sls_spl::{Field, Options, Program};

/// The value as text, `null`, or `!` for a data error.
fn evaluate(expression: &str) -> String {
    let options = Options::default().with_time_zone("UTC");
    let program = match Program::compile(&format!("* | extend r = {expression}"), &options) {
        Ok(program) => program,
        Err(error) => return error.one_line(),
    };
    let row = [("s", Field::Text(b"x"))];
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let mut value = "null".to_owned();
    let result = evaluator.row(&row, &mut |row| {
        row.visit(&mut |name, text| {
            if name == "r" {
                value = String::from_utf8_lossy(text).into_owned();
            }
        });
    });
    match result {
        Ok(()) if evaluator.report().rows_failed() > 0 => "!".to_owned(),
        Ok(()) => value,
        Err(error) => error.one_line(),
    }
}

#[track_caller]
fn check(golden: &str) {
    let mut wrong = Vec::new();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let (expression, wanted) = line.rsplit_once(" => ").expect("expression => value");
        let wanted = if wanted == "(empty)" { "" } else { wanted };
        let got = evaluate(expression);
        if got != wanted {
            wrong.push(format!("{expression}: {got}, wanted {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_agree_with_those_of_the_engine() {
    check(include_str!("golden/expressions/compared.txt"));
}

#[test]
fn decided_values_stay() {
    check(include_str!("golden/expressions/decided.txt"));
}

#[test]
fn failing_parts_are_null_and_untaken_parts_do_not_fail() {
    let check = |expression: &str, wanted: &str, failed: u64| {
        let program =
            Program::compile(&format!("* | extend r = {expression}"), &Options::default());
        let program = program.expect("a good program");
        let row = [("bad", Field::Text(b"x"))];
        let mut evaluator = program.evaluator(UNIX_EPOCH);
        let mut fields = Vec::new();
        let result = evaluator.row(&row, &mut |row| fields = row.to_fields());
        result.expect("no limit is near");
        let value = fields.iter().find(|(name, _)| name == "r");
        let value = value.map_or_else(|| "null".into(), |(_, text)| String::from_utf8_lossy(text));
        assert_eq!(
            (&*value, evaluator.report().rows_failed()),
            (wanted, failed),
            "{expression}"
        );
    };
    check("coalesce(cast(bad as bigint), 0)", "0", 1);
    check("coalesce(try_cast(bad as bigint), 0)", "0", 0);
    check("coalesce(1, cast(bad as bigint))", "1", 0);
    check("try(coalesce(cast(bad as bigint), 0))", "null", 0);
    check("if(true, 1, cast(bad as bigint))", "1", 0);
    check("true or cast(bad as bigint) > 1", "true", 0);
    check("cast(bad as bigint) > 1 or true", "true", 1);
    check("cast(bad as bigint) is null", "true", 1);
    check("case when false then 1 / 0 else 2 end", "2", 0);
}
