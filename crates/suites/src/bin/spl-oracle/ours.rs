//! This side: the expression in a program of SPL.

use std::time::UNIX_EPOCH;

use sls_spl::{Field, Options, Program};

use crate::datum::{Datum, Kind, loaded};
use crate::outcome::Ours;

/// The zone in which the engine reads and prints times.
const ZONE: &str = "UTC";

/// Evaluates an expression over `a0`, `a1`, .. for each row.
pub(crate) fn evaluate(expression: &str, kinds: &[Kind], rows: &[Vec<Datum>]) -> Vec<Ours> {
    let options = Options::default()
        .with_time_zone(ZONE)
        .with_script_limit(1 << 20);
    let program = match Program::compile(&text(expression, kinds), &options) {
        Ok(program) => program,
        Err(error) => return vec![Ours::Refused(error.one_line()); rows.len()],
    };
    rows.iter().map(|row| one(&program, kinds, row)).collect()
}

/// The program: one stage makes typed values of the fields, the next is the expression.
fn text(expression: &str, kinds: &[Kind]) -> String {
    let typed: Vec<_> = kinds
        .iter()
        .enumerate()
        .filter(|(_, kind)| **kind != Kind::Varchar)
        .map(|(at, kind)| format!("a{at} = {}", loaded(kind, &format!("a{at}"))))
        .collect();
    if typed.is_empty() {
        format!("* | extend r = {expression}")
    } else {
        format!("* | extend {} | extend r = {expression}", typed.join(", "))
    }
}

fn one(program: &Program, kinds: &[Kind], row: &[Datum]) -> Ours {
    let fields: Vec<_> = row
        .iter()
        .zip(kinds)
        .enumerate()
        .filter_map(|(at, (datum, kind))| Some((format!("a{at}"), datum.field(kind)?)))
        .collect();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, text)| (name.as_str(), Field::Text(text.as_bytes())))
        .collect();
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let mut found = None;
    let done = evaluator.row(&fields, &mut |row| {
        row.visit(&mut |name, text| {
            if name == "r" {
                found = Some(String::from_utf8_lossy(text).into_owned());
            }
        });
    });
    if let Err(error) = done {
        return Ours::Error(error.one_line());
    }
    match (evaluator.report().samples().first(), found) {
        // A value beside a failure: a part that failed was not needed.
        (_, Some(text)) => Ours::Text(text),
        (Some(reason), None) => Ours::Error(reason.clone()),
        (None, None) => Ours::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_errors_and_nulls_are_told_apart() {
        let rows = [
            vec![Datum::from(7)],
            vec![Datum::from(0)],
            vec![Datum::Null],
        ];
        let got = evaluate("14 / a0", &[Kind::Bigint], &rows);
        assert_eq!(got[0], Ours::Text("2".to_owned()));
        assert!(matches!(got[1], Ours::Error(_)), "{}", got[1]);
        assert_eq!(got[2], Ours::Null);
        let got = evaluate("nothing(a0)", &[Kind::Bigint], &rows);
        assert!(matches!(got[0], Ours::Refused(_)), "{}", got[0]);
    }
}
