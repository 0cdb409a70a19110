//! One row for each case, and the table of all.

use std::fmt;
use std::time::Duration;

/// How much of a text is shown.
const WIDEST: usize = 240;

/// What became of one case.
pub(crate) struct Row {
    passed: bool,
    /// What the client said, or what is wrong with that.
    text: String,
    elapsed: Duration,
    growth: Option<u64>,
}

impl Row {
    pub(crate) fn new(
        outcome: Result<String, String>,
        elapsed: Duration,
        growth: Option<u64>,
    ) -> Self {
        let passed = outcome.is_ok();
        let text = outcome.unwrap_or_else(|why| why);
        // It is one field of one line, and a table is to be read.
        let mut text = text.replace(|c: char| c.is_control(), "\u{fffd}");
        if let Some((cut, _)) = text.char_indices().nth(WIDEST) {
            text.replace_range(cut.., "..");
        }
        Self {
            passed,
            text,
            elapsed,
            growth,
        }
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::new(Err(why.into()), Duration::ZERO, None)
    }

    /// As [`parse`](Self::parse) reads it.
    pub(crate) fn to_line(&self) -> String {
        let growth = self
            .growth
            .map_or_else(String::new, |bytes| bytes.to_string());
        format!(
            "{}\t{}\t{growth}\t{}",
            self.passed,
            self.elapsed.as_millis(),
            self.text
        )
    }

    /// Reads the line of another process; one that ended without a line has failed.
    pub(crate) fn parse(output: &str) -> Self {
        let read = || {
            let mut fields = output.lines().last()?.splitn(4, '\t');
            let passed = fields.next()? == "true";
            let elapsed = Duration::from_millis(fields.next()?.parse().ok()?);
            let growth = fields.next()?.parse().ok();
            let text = fields.next()?.to_owned();
            Some(Self {
                passed,
                text,
                elapsed,
                growth,
            })
        };
        read().unwrap_or_else(|| Self::failed("the case ended without a result"))
    }
}

/// All rows so far.
pub(crate) struct Table {
    rows: Vec<(&'static str, Row)>,
}

impl Table {
    pub(crate) const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &'static str, row: Row) {
        self.rows.push((name, row));
    }

    pub(crate) fn failed(&self) -> usize {
        self.rows.iter().filter(|(_, row)| !row.passed).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default();
        writeln!(
            f,
            "{:6} {:width$} {:>7} {:>9}  what the client says",
            "", "case", "time", "memory"
        )?;
        for (name, row) in &self.rows {
            let verdict = if row.passed { "ok" } else { "FAILED" };
            let time = format!("{} ms", row.elapsed.as_millis());
            let memory = row.growth.map_or_else(
                || "?".to_owned(),
                |bytes| format!("{:.1} MB", bytes as f64 / 1e6),
            );
            writeln!(
                f,
                "{verdict:6} {name:width$} {time:>7} {memory:>9}  {}",
                row.text
            )?;
        }
        let failed = self.failed();
        write!(
            f,
            "hostile-server: {} passed, {failed} failed",
            self.rows.len() - failed
        )
    }
}
