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
    /// How many calls to the server the check made.
    calls: Option<u64>,
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
        self.rows.push(Row {
            check,
            subject: subject.clone(),
            calls,
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
            let (calls, result) = match row.calls {
                Some(calls) => (calls.to_string(), "passed"),
                None => ("-".to_owned(), "FAILED"),
            };
            writeln!(
                f,
                "{:check$}  {:client$}  {:version$}  {calls:>5}  {result}",
                row.check, row.subject.name, row.subject.version
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
}
