//! What the checks of a suite gave.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::timeout;

use super::{Result, chain};

/// The longest check is a program with its own limit, and some calls around it.
const CHECK_LIMIT: Duration = Duration::from_secs(120);

/// The results of a suite, one row for each check.
#[derive(Debug)]
pub struct Table {
    suite: &'static str,
    rows: Vec<Row>,
}

/// What a check is about: a client in one version.
#[derive(Debug, Clone)]
pub struct Subject {
    name: String,
    version: String,
}

impl Subject {
    /// A client under the name and version of its package.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }

    /// No client: the check is about the server alone.
    pub fn server() -> Self {
        Self::new("-", "-")
    }
}

#[derive(Debug)]
struct Row {
    check: String,
    subject: Subject,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    /// With so many calls to the server.
    Passed(u64),
    Failed,
    /// What it needs cannot be had here.
    Skipped,
}

impl Table {
    /// No results yet.
    pub const fn new(suite: &'static str) -> Self {
        Self {
            suite,
            rows: Vec::new(),
        }
    }

    /// Adds what a check gave: the number of calls it made, or why it failed.
    ///
    /// A failure is told at once, since the table has no room for it.
    pub fn add(&mut self, subject: &Subject, check: impl Into<String>, result: Result<u64>) {
        let check = check.into();
        let outcome = match result {
            Ok(calls) => Outcome::Passed(calls),
            Err(failure) => {
                eprintln!(
                    "{}: FAILED: {check}: {}",
                    self.suite,
                    chain(failure.as_ref())
                );
                Outcome::Failed
            }
        };
        self.push(subject, check, outcome);
    }

    /// Adds a check that could not be made; why is to be [told](super::skip::Skip::tell).
    pub fn skip(&mut self, subject: &Subject, check: impl Into<String>) {
        self.push(subject, check.into(), Outcome::Skipped);
    }

    fn push(&mut self, subject: &Subject, check: String, outcome: Outcome) {
        self.rows.push(Row {
            check,
            subject: subject.clone(),
            outcome,
        });
    }

    /// As [`add`](Self::add), once the check has ended, for which it has 120 seconds.
    pub async fn check(
        &mut self,
        subject: &Subject,
        check: impl Into<String>,
        result: impl Future<Output = Result<u64>>,
    ) {
        let result = timeout(CHECK_LIMIT, result).await;
        let result = result.unwrap_or_else(|_| Err("took too long".into()));
        self.add(subject, check, result);
    }

    /// Success when no check failed.
    pub fn exit_code(&self) -> ExitCode {
        if self.count(Outcome::Failed) == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn count(&self, outcome: Outcome) -> usize {
        let outcomes = self.rows.iter().map(|row| row.outcome);
        outcomes.filter(|found| *found == outcome).count()
    }
}

impl fmt::Display for Table {
    /// Ends with the line `suite: N passed, N failed`, and `, N skipped` if any were.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |head: &str, of: fn(&Row) -> &str| {
            let texts = self.rows.iter().map(|row| of(row).chars().count());
            texts.max().unwrap_or(0).max(head.len())
        };
        let check = width("check", |row| &row.check);
        let client = width("client", |row| &row.subject.name);
        let version = width("version", |row| &row.subject.version);
        writeln!(
            f,
            "{:check$}  {:client$}  {:version$}  calls  result",
            "check", "client", "version"
        )?;
        for row in &self.rows {
            let (calls, result) = match row.outcome {
                Outcome::Passed(calls) => (calls.to_string(), "passed"),
                Outcome::Failed => ("-".to_owned(), "FAILED"),
                Outcome::Skipped => ("-".to_owned(), "SKIPPED"),
            };
            writeln!(
                f,
                "{:check$}  {:client$}  {:version$}  {calls:>5}  {result}",
                row.check, row.subject.name, row.subject.version
            )?;
        }
        let (failed, skipped) = (self.count(Outcome::Failed), self.count(Outcome::Skipped));
        let passed = self.rows.len() - failed - skipped;
        write!(f, "{}: {passed} passed, {failed} failed", self.suite)?;
        if skipped > 0 {
            write!(f, ", {skipped} skipped")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let mut table = Table::new("suite");
        table.add(&Subject::new("client", "1.0"), "first check", Ok(3));
        table.add(&Subject::server(), "second", Err("why".into()));
        let want = "\
check        client  version  calls  result
first check  client  1.0          3  passed
second       -       -            -  FAILED
suite: 1 passed, 1 failed";
        assert_eq!(table.to_string(), want);
    }

    #[test]
    fn what_was_skipped_is_neither_passed_nor_failed() {
        let mut table = Table::new("suite");
        table.add(&Subject::server(), "first", Ok(1));
        table.skip(&Subject::server(), "second");
        let text = table.to_string();
        assert!(
            text.contains("second  -       -            -  SKIPPED"),
            "{text}"
        );
        assert!(
            text.ends_with("suite: 1 passed, 0 failed, 1 skipped"),
            "{text}"
        );
        assert_eq!(table.exit_code(), ExitCode::SUCCESS);
    }
}
