//! What the official Python package sent, read by our decoders and written by our codecs.
//!
//! Every recorded request is decoded, once by itself and once by the collector of the local
//! server. Where a case is a sequence of calls, each of which
//! becomes one request at once, the calls are encoded too and compared with the recording.
//! Then the calls are made with the tracker, and what it sends, when, and what it returns is
//! compared.

mod argument;
mod call;
mod collector;
mod encoding;
mod recommended;
mod recorded;
mod replay;
mod tables;

use std::fmt;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use testkit::{Outcome, Tally, cases_below};

use collector::Collector;

pub(super) fn run(folder: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut verdicts = Vec::new();
    let collector = Collector::new()?;
    let mut counts = Counts::default();
    for case in cases_below(folder, &mut tally)? {
        if case.json["numbers"].is_array() {
            let mut row = Row::new("(tables)");
            for (entry, difference) in tables::check(&case.json) {
                let outcome = Outcome::of(difference);
                row.count(&outcome);
                tally.note(format!("{} {entry}", case.file), outcome);
            }
            verdicts.push(row);
            continue;
        }
        let outcome = check(&case.json, &collector, &mut counts);
        let verdict = case.json["verdict"].as_str().unwrap_or("(none)");
        row(&mut verdicts, verdict).count(&outcome);
        tally.note(case.file, outcome);
    }
    let Counts { decoded, taken } = counts;
    tally.remark(format!("{decoded} recorded requests decoded"));
    tally.remark(format!("{taken} recorded requests taken by the collector"));
    tally.remark(format!(
        "{:12} {:>6} {:>6} {:>7} {:>7}",
        "verdict", "cases", "passed", "pending", "failed"
    ));
    for row in &verdicts {
        tally.remark(row.to_string());
    }
    Ok(tally)
}

/// First what was recorded is read, then what was called is written, then it is called.
fn check(case: &Value, collector: &Collector, counts: &mut Counts) -> Outcome {
    match recorded::decode_all(case) {
        Ok(decoded) => counts.decoded += decoded,
        Err(difference) => return Outcome::Failed(difference),
    }
    match collector.take_all(case) {
        Ok(taken) => counts.taken += taken,
        Err(difference) => return Outcome::Failed(format!("collector: {difference}")),
    }
    if let Err(difference) = encoding::check(case) {
        return Outcome::Failed(difference);
    }
    match replay::check(case) {
        Ok(()) => Outcome::Passed,
        Err(difference) => Outcome::Failed(format!("tracker: {difference}")),
    }
}

/// How many requests there were.
#[derive(Default)]
struct Counts {
    decoded: usize,
    taken: usize,
}

/// How the cases of one verdict went.
struct Row {
    verdict: String,
    passed: usize,
    pending: usize,
    failed: usize,
}

impl Row {
    fn new(verdict: &str) -> Self {
        Self {
            verdict: verdict.to_owned(),
            passed: 0,
            pending: 0,
            failed: 0,
        }
    }

    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Pending(_) => self.pending += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            passed,
            pending,
            failed,
        } = self;
        let cases = passed + pending + failed;
        write!(
            f,
            "{verdict:12} {cases:>6} {passed:>6} {pending:>7} {failed:>7}"
        )
    }
}

fn row<'r>(rows: &'r mut Vec<Row>, verdict: &str) -> &'r mut Row {
    let place = rows.iter().position(|row| row.verdict == verdict);
    let place = place.unwrap_or_else(|| {
        rows.push(Row::new(verdict));
        rows.len() - 1
    });
    &mut rows[place]
}

fn text<'v>(value: &'v Value, member: &str) -> Result<&'v str, String> {
    value[member]
        .as_str()
        .ok_or_else(|| format!("the case has no text member {member:?}"))
}

fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|cause| format!("the case's Base64 is broken: {cause}"))
}

/// Where two texts differ, with what is there.
fn text_difference(want: &[u8], got: &[u8]) -> Option<String> {
    if want == got {
        return None;
    }
    let at = want.iter().zip(got).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let start = at.saturating_sub(20).min(bytes.len());
        let end = (at + 20).min(bytes.len());
        String::from_utf8_lossy(&bytes[start..end]).into_owned()
    };
    Some(format!(
        "differs at byte {at}: got {:?}, want {:?}",
        around(got),
        around(want)
    ))
}

fn same(what: &str, want: &str, got: &str) -> Result<(), String> {
    if want == got {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, want {want:?}"))
}
