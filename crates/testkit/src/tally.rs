use std::fmt;

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As recorded, or better where the set's README says so.
    Passed,
    /// The first difference.
    Failed(String),
    /// What it needs does not exist yet: the name of the operation or command.
    Pending(String),
}

impl Outcome {
    /// Passed when there is no difference.
    pub fn of(difference: Option<String>) -> Self {
        difference.map_or(Self::Passed, Self::Failed)
    }
}

/// What became of the cases of one set.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    passed: usize,
    failed: Vec<(String, String)>,
    pending: Vec<(String, String)>,
    remarks: Vec<String>,
}

impl Tally {
    /// Notes how the case of this name went.
    pub fn note(&mut self, case: impl Into<String>, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(why) => self.failed.push((case.into(), why)),
            Outcome::Pending(what) => self.pending.push((case.into(), what)),
        }
    }

    /// Adds a line for the reader, such as a row of a table.
    pub fn remark(&mut self, line: impl Into<String>) {
        self.remarks.push(line.into());
    }

    /// The lines for the reader.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// How many passed.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// The cases that failed, each with its first difference.
    pub fn failed(&self) -> &[(String, String)] {
        &self.failed
    }

    /// The cases that need what does not exist yet, each with what that is.
    pub fn pending(&self) -> &[(String, String)] {
        &self.pending
    }
}

/// `sls`-style summary without the name: `3 passed, 0 failed, 1 pending`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            pending,
            remarks: _,
        } = self;
        write!(
            f,
            "{passed} passed, {} failed, {} pending",
            failed.len(),
            pending.len()
        )
    }
}
