//! Any program over any rows ends within its limits, without a panic, the same way twice.
//!
//! An input is a program, then after each 0x1e a row: `name=value` fields with 0x1f in between.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use sls_spl::{Error, Field, Options, Program, Report, Stopwatch};

/// How often a run may look at its stopwatch.
const LOOKS: u64 = 1000;
const MEMORY: usize = 8 << 20;
const ROWS: usize = 8;

/// Every look takes a second: runs end after the same work on every machine.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Stopwatch for Counter {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

type Pairs<'a> = Vec<(&'a str, Field<'a>)>;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0x1e);
    let Some(Ok(text)) = parts.next().map(std::str::from_utf8) else {
        return;
    };
    let counter = Arc::new(Counter::default());
    let options = Options::default()
        .with_memory_limit(MEMORY)
        .with_time_limit(Duration::from_secs(LOOKS))
        .with_stopwatch(Arc::clone(&counter) as Arc<dyn Stopwatch>);
    let Ok(program) = Program::compile(text, &options) else {
        return;
    };
    let rows: Vec<Pairs<'_>> = parts.take(ROWS).map(row).collect();
    let first = run(&program, &rows);
    // A limit ends a run at once: what is left is a look for each stage.
    assert!(counter.0.load(Ordering::Relaxed) <= LOOKS + 64);
    if let Err(error) = &first {
        assert!(!error.kind().is_compile_time());
        return;
    }
    assert_eq!(first, run(&program, &rows));
});

/// The fields of a row; names that are no text, and names that repeat, are left out.
fn row(bytes: &[u8]) -> Pairs<'_> {
    let mut pairs = Pairs::new();
    for field in bytes.split(|byte| *byte == 0x1f) {
        let at = field.iter().position(|byte| *byte == b'=');
        let (name, value) = at.map_or((field, &b""[..]), |at| (&field[..at], &field[at + 1..]));
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        if pairs.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let number = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok());
        pairs.push(match (name, number) {
            ("__time__" | "__time_ns_part__", Some(number)) => (name, Field::BigInt(number)),
            ("__time__" | "__time_ns_part__", None) => continue,
            _ => (name, Field::Text(value)),
        });
    }
    pairs
}

type Output = (bool, Vec<(String, Vec<u8>)>);

fn run(program: &Program, rows: &[Pairs<'_>]) -> Result<(Vec<Output>, Report), Error> {
    let mut evaluator = program.evaluator(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let mut out = Vec::new();
    for row in rows {
        evaluator.row(row, &mut |row| {
            out.push((row.is_unchanged(), row.to_fields()))
        })?;
    }
    let report = evaluator.report();
    assert_eq!(report.rows_in(), rows.len() as u64);
    assert_eq!(report.rows_out(), out.len() as u64);
    assert!(report.rows_failed() <= report.rows_in());
    assert!(report.rows_dropped() <= report.rows_in());
    Ok((out, report.clone()))
}
