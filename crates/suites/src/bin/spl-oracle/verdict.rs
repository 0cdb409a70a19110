//! How the two sides compare, counted by group.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use crate::SUITE;
use crate::datum::Datum;
use crate::intended::{DIFFERENCES, Difference, Evaluation};
use crate::outcome::{Ours, Theirs};
use crate::subject::Subject;
use crate::subjects;

/// How many failures of one function or operator are told in full.
const TOLD: usize = 6;

/// All that was found.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// In the order in which the groups were judged.
    groups: Vec<(&'static str, Counts)>,
    intended: BTreeMap<&'static str, usize>,
    failures: BTreeMap<String, usize>,
    idle: Vec<&'static str>,
}

/// The evaluations of a group.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    expressions: usize,
    evaluations: usize,
    equal: usize,
    intended: usize,
    failed: usize,
}

impl Verdict {
    pub(crate) const fn new() -> Self {
        Self {
            groups: Vec::new(),
            intended: BTreeMap::new(),
            failures: BTreeMap::new(),
            idle: Vec::new(),
        }
    }

    /// Compares the rows of one subject; a failure is told at once.
    pub(crate) fn judge(&mut self, subject: &Subject, ours: &[Ours], theirs: &[Theirs]) {
        let mut counts = Counts {
            expressions: 1,
            ..Counts::default()
        };
        for ((row, ours), theirs) in subject.rows.iter().zip(ours).zip(theirs) {
            counts.evaluations += 1;
            let evaluation = Evaluation {
                subject,
                row,
                ours,
                theirs,
            };
            if ours.agrees_with(theirs, row) {
                counts.equal += 1;
            } else if let Some(difference) = evaluation.intended() {
                counts.intended += 1;
                *self.intended.entry(difference.what).or_default() += 1;
            } else {
                counts.failed += 1;
                self.tell(&evaluation);
            }
        }
        match self.groups.last_mut() {
            Some((group, sum)) if *group == subject.group => sum.add(counts),
            _ => self.groups.push((subject.group, counts)),
        }
    }

    fn tell(&mut self, evaluation: &Evaluation<'_>) {
        let Evaluation {
            subject,
            row,
            ours,
            theirs,
        } = evaluation;
        let told = self.failures.entry(subject.name.clone()).or_default();
        *told += 1;
        if *told <= TOLD {
            let args = row.iter().zip(&subject.kinds).enumerate();
            let args: Vec<_> = args
                .map(|(at, (datum, kind))| match datum {
                    Datum::Null => format!("a{at} = null"),
                    datum => format!("a{at} = {kind} {:?}", datum.output(kind)),
                })
                .collect();
            eprintln!(
                "{SUITE}: FAILED: {}: {}\n    with   {}\n    ours   {ours}\n    theirs {theirs}",
                subject.name,
                subject.ours,
                args.join(", ")
            );
        }
    }

    /// Counts a difference that was not seen as a failure: it is not there any more.
    pub(crate) fn refuse_idle_differences(&mut self) {
        let seen = |difference: &&Difference| self.intended.contains_key(difference.what);
        let idle = DIFFERENCES.iter().filter(|difference| !seen(difference));
        let idle = idle.filter(|difference| !difference.may_be_idle);
        self.idle = idle.map(|difference| difference.what).collect();
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.failed() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for (_, counts) in &self.groups {
            total.add(*counts);
        }
        total
    }

    fn failed(&self) -> usize {
        self.total().failed + self.idle.len()
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.expressions += other.expressions;
        self.evaluations += other.evaluations;
        self.equal += other.equal;
        self.intended += other.intended;
        self.failed += other.failed;
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        writeln!(
            f,
            "{name:16}  {:>11}  {:>11}  {:>7}  {:>8}  {:>6}",
            self.expressions, self.evaluations, self.equal, self.intended, self.failed
        )
    }
}

impl fmt::Display for Verdict {
    /// Ends with the line `suite: N passed, N failed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.failures {
            writeln!(f, "failed {count:>5}  {name}")?;
        }
        for what in &self.idle {
            writeln!(
                f,
                "FAILED: the intended difference is not seen any more: {what}"
            )?;
        }
        writeln!(f, "intended differences")?;
        for difference in DIFFERENCES {
            let count = self.intended.get(difference.what).copied().unwrap_or(0);
            writeln!(f, "{count:>6}  {}: {}", difference.what, difference.reason)?;
        }
        writeln!(f, "\nnot covered")?;
        for (what, reason) in subjects::NOT_COVERED {
            writeln!(f, "        {what}: {reason}")?;
        }
        writeln!(
            f,
            "\n{:16}  {:>11}  {:>11}  {:>7}  {:>8}  {:>6}",
            "group", "expressions", "evaluations", "equal", "intended", "failed"
        )?;
        for (name, counts) in &self.groups {
            counts.row(f, name)?;
        }
        let total = self.total();
        total.row(f, "total")?;
        let passed = total.equal + total.intended;
        write!(f, "{SUITE}: {passed} passed, {} failed", self.failed())
    }
}

#[cfg(test)]
mod tests {
    use crate::datum::Kind;
    use crate::domain;
    use crate::subject::Group;

    use super::*;

    #[test]
    fn the_last_line_counts_values_and_idle_differences() {
        let mut group = Group::new("group", 0);
        let numbers = domain::only(Kind::Bigint, [1, 2]);
        let subject = group.add("f", "a0", &[numbers]).clone();
        let ours = vec![Ours::Text("1".to_owned()); 2];
        let theirs = [1, 2].map(|value| Theirs::Value(Kind::Bigint, Datum::from(value)));
        let mut verdict = Verdict::new();
        verdict.judge(&subject, &ours, &theirs);
        assert!(
            verdict
                .to_string()
                .ends_with("\nspl-oracle: 1 passed, 1 failed")
        );
        verdict.refuse_idle_differences();
        let text = verdict.to_string();
        assert!(text.contains("is not seen any more: abs of the smallest integer"));
        assert!(!text.ends_with("1 passed, 1 failed"));
    }
}
