//! Differences that are meant to be, each with its reason.
//!
//! A difference is matched by the function and by what the arguments or the results are, as
//! narrowly as that can be said; whatever is not matched is a failure.

use crate::datum::Datum;
use crate::outcome::{Ours, Theirs};
use crate::subject::Subject;

/// One expression over one row, on both sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluation<'e> {
    pub(crate) subject: &'e Subject,
    pub(crate) row: &'e [Datum],
    pub(crate) ours: &'e Ours,
    pub(crate) theirs: &'e Theirs,
}

/// An entry of the table.
pub(crate) struct Difference {
    /// What differs, in a few words; its name.
    pub(crate) what: &'static str,
    /// Why we do not do as the engine does.
    pub(crate) reason: &'static str,
    /// What it is about: a function, an operator or a cast.
    names: &'static [&'static str],
    applies: fn(&Evaluation<'_>) -> bool,
    /// Whether it depends on the machine, and so is not missed when it is not seen.
    pub(crate) may_be_idle: bool,
}

impl Evaluation<'_> {
    /// The entry that explains the difference.
    pub(crate) fn intended(&self) -> Option<&'static Difference> {
        DIFFERENCES.iter().find(|difference| {
            difference.names.contains(&self.subject.name.as_str()) && (difference.applies)(self)
        })
    }
}

pub(crate) const DIFFERENCES: &[Difference] = &[];
