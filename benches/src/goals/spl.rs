//! Goals 23 and 24: programs over borrowed logs, as the local server runs them.

use std::time::SystemTime;

use sls_core::wire::{GroupListView, GroupView, LogView};
use sls_spl::{Field, Options, Program, Row};

use crate::clock::speedup;
use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::ours;
use crate::report::{Marks, Report};

const LOGS: usize = 2000;

/// Whole logs of 13 fields, of which a filter reads one.
const WHERE: &str = "* | where cast(status as bigint) >= 400";
/// Three fields out of one, and a filter on one of them.
const PARSE_FIELD: &str = r"* | parse-regexp request_uri, '^(/[^?]*)\?(\w+)=(\d+)$' as path, key, id
    | where cast(id as bigint) >= 50000";
/// All fields of a line, and a filter on one of them.
const PARSE_LINE: &str = r#"* | parse-regexp content, '^(\S+) - (\S+) \[([^\]]*)\] "(\S+) (\S+) ([^"]+)" (\d+) (\d+) "([^"]*)" "([^"]*)"$'
    as remote_addr, remote_user, time_local, method, uri, protocol, status, bytes, referer, agent
    | where cast(status as bigint) >= 400"#;

/// From the bytes of a list to the rows that come out, against seeing every field as `&str`.
pub(super) fn run(selection: &Selection, report: &mut Report) {
    let fields = ours::list(Corpus::new(Kind::Access, LOGS), 500);
    let lines = ours::list(Corpus::new(Kind::Access, LOGS).as_lines(), 500);
    let cases = [
        (23, "where on one of 13 fields", WHERE, &fields, 2.0, 1.0),
        (
            24,
            "parse-regexp of a field, where",
            PARSE_FIELD,
            &fields,
            3.0,
            2.0,
        ),
        (
            24,
            "parse-regexp of a line, where",
            PARSE_LINE,
            &lines,
            20.0,
            10.0,
        ),
    ];
    for (goal, case, text, list, floor, target) in cases {
        if !selection.has(goal) {
            continue;
        }
        let program = Program::compile(text, &Options::default()).expect("a good program");
        let kept = evaluate(&program, list);
        assert!(kept > LOGS / 4 && kept < LOGS, "{kept} rows came out");
        let slower = speedup(
            &mut || ours::visit(&GroupListView::parse(list).expect("a well-formed list")),
            &mut || evaluate(&program, list),
        );
        report.add(goal, case, slower, Marks::AtMost { floor, target });
    }
}

/// How many rows come out.
fn evaluate(program: &Program, list: &[u8]) -> usize {
    let list = GroupListView::parse(list).expect("a well-formed list");
    let mut evaluator = program.evaluator(SystemTime::UNIX_EPOCH);
    let mut kept = 0;
    for group in list.groups() {
        for log in group.logs() {
            let row = LogRow { log, group: &group };
            let result = evaluator.row(&row, &mut |_| kept += 1);
            result.expect("no limit is near");
        }
    }
    assert_eq!(evaluator.report().rows_failed(), 0);
    kept
}

/// A log as the language sees it; these groups have no tags.
struct LogRow<'a> {
    log: LogView<'a>,
    group: &'a GroupView<'a>,
}

impl Row for LogRow<'_> {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            "__time__" => Some(Field::BigInt(self.log.time().into())),
            "__time_ns_part__" => self.log.time_ns().map(|ns| Field::BigInt(ns.into())),
            "__topic__" => self.group.topic().map(|t| Field::Text(t.as_bytes())),
            "__source__" => self.group.source().map(|t| Field::Text(t.as_bytes())),
            _ => self.log.get(name).map(|t| Field::Text(t.as_bytes())),
        }
    }

    fn fields<'r>(&'r self, names: &[Box<str>], found: &mut [Option<Field<'r>>]) {
        self.log.find_each(names, |at, value| {
            found[at] = Some(Field::Text(value.as_bytes()));
        });
        for (name, place) in names.iter().zip(found) {
            if name.starts_with("__") {
                *place = self.field(name);
            }
        }
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        visitor("__time__", Field::BigInt(self.log.time().into()));
        for (key, value) in self.log.contents() {
            visitor(&key.to_string_lossy(), Field::Text(value.as_bytes()));
        }
    }
}
