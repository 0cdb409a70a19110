//! What the checks of a suite gave.

use std::fmt;
use std::process::ExitCode;

use super::{Result, chain};

/// The results of a suite, one row for each check.
#[derive(Debug)]
pub struct Table {
    suite: &'static str,
    client: String,
    version: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    check: String,
    /// How many calls to the server the check made.
    calls: Option<u64>,
}

impl Table {
    /// No results yet, for a client in a version.
    pub fn new(suite: &'static str, client: &str, version: &str) -> Self {
        Self {
            suite,
            client: client.to_owned(),
            version: version.to_owned(),
            rows: Vec::new(),
        }
    }

    /// Adds what a check gave: the number of calls it made, or why it failed.
    ///
    /// A failure is told at once, since the table has no room for it.
    pub fn add(&mut self, check: impl Into<String>, result: Result<u64>) {
        let check = check.into();
        let calls = match result {
            Ok(calls) => Some(calls),
            Err(failure) => {
                eprintln!(
                    "{}: FAILED: {check}: {}",
                    self.suite,
                    chain(failure.as_ref())
                );
                None
            }
        };
        self.rows.push(Row { check, calls });
    }

    /// Success when no check failed.
    pub fn exit_code(&self) -> ExitCode {
        if self.failed() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.calls.is_none()).count()
    }
}

impl fmt::Display for Table {
    /// Ends with the line `suite: N passed, N failed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |head: &str, texts: &mut dyn Iterator<Item = usize>| {
            texts.max().unwrap_or(0).max(head.len())
        };
        let check = widest("check", &mut self.rows.iter().map(|row| row.check.len()));
        let client = widest("client", &mut [self.client.len()].into_iter());
        let version = widest("version", &mut [self.version.len()].into_iter());
        writeln!(
            f,
            "{:check$}  {:client$}  {:version$}  calls  result",
            "check", "client", "version"
        )?;
        for row in &self.rows {
            let (calls, result) = match row.calls {
                Some(calls) => (calls.to_string(), "passed"),
                None => ("-".to_owned(), "FAILED"),
            };
            writeln!(
                f,
                "{:check$}  {:client$}  {:version$}  {calls:>5}  {result}",
                row.check, self.client, self.version
            )?;
        }
        let failed = self.failed();
        let passed = self.rows.len() - failed;
        write!(f, "{}: {passed} passed, {failed} failed", self.suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let mut table = Table::new("suite", "client", "1.0");
        table.add("first check", Ok(3));
        table.add("second", Err("why".into()));
        let want = "\
check        client  version  calls  result
first check  client  1.0          3  passed
second       client  1.0          -  FAILED
suite: 1 passed, 1 failed";
        assert_eq!(table.to_string(), want);
    }
}
