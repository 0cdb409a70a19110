//! Differences that are meant to be, each with its reason.
//!
//! A difference is matched by the function and by what the arguments or the results are, as
//! narrowly as that can be said; whatever is not matched is a failure.

mod table; // the entries

use crate::datum::Datum;
use crate::outcome::{Ours, Theirs};
use crate::subject::Subject;

pub(crate) use table::DIFFERENCES;

/// One expression over one row, on both sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluation<'e> {
    pub(crate) subject: &'e Subject,
    pub(crate) row: &'e [Datum],
    pub(crate) ours: &'e Ours,
    pub(crate) theirs: &'e Theirs,
}

/// An entry of the table.
#[derive(Debug)]
pub(crate) struct Difference {
    /// What differs, in a few words; its name.
    pub(crate) what: &'static str,
    /// Why we do not do as the engine does.
    pub(crate) reason: &'static str,
    names: Names,
    applies: fn(&Evaluation<'_>) -> bool,
    /// Whether it depends on the machine, and so is not missed when it is not seen.
    pub(crate) may_be_idle: bool,
}

/// Which functions, operators or casts an entry is about.
#[derive(Debug)]
enum Names {
    /// One of these.
    Of(&'static [&'static str]),
    /// A cast to this type.
    To(&'static str),
    /// A cast from this type.
    From(&'static str),
    /// A function whose name starts like this.
    Starting(&'static str),
}

impl Names {
    fn contain(&self, name: &str) -> bool {
        match self {
            Self::Of(names) => names.contains(&name),
            Self::To(kind) => name.split_once(" to ").is_some_and(|(_, to)| to == *kind),
            Self::From(kind) => name
                .split_once(" to ")
                .is_some_and(|(from, _)| from == *kind),
            Self::Starting(start) => name.starts_with(start),
        }
    }
}

impl Evaluation<'_> {
    /// The entry that explains the difference.
    pub(crate) fn intended(&self) -> Option<&'static Difference> {
        DIFFERENCES.iter().find(|difference| {
            difference.names.contain(&self.subject.name) && (difference.applies)(self)
        })
    }

    fn text(&self, at: usize) -> &str {
        match self.row.get(at) {
            Some(Datum::Text(text)) => text,
            _ => "",
        }
    }

    fn integer(&self, at: usize) -> Option<i64> {
        match self.row.get(at) {
            Some(Datum::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    fn double(&self, at: usize) -> Option<f64> {
        match self.row.get(at) {
            Some(Datum::Double(value)) => Some(*value),
            _ => None,
        }
    }

    /// The text of our value.
    fn our_text(&self) -> Option<&str> {
        match self.ours {
            Ours::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether we fail, or are null where that is the same: in `try_cast`.
    fn we_fail(&self) -> bool {
        matches!(self.ours, Ours::Error(_)) || self.is_try_cast() && *self.ours == Ours::Null
    }

    /// Whether we refuse to compile the expression.
    fn we_refuse(&self) -> bool {
        matches!(self.ours, Ours::Refused(_))
    }

    /// The text of the engine's value.
    fn their_text(&self) -> Option<String> {
        match self.theirs {
            Theirs::Value(kind, datum) => Some(datum.output(kind)),
            _ => None,
        }
    }

    fn their_double(&self) -> Option<f64> {
        match self.theirs {
            Theirs::Value(_, Datum::Double(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether the engine fails and says this.
    fn they_fail(&self, reason: &str) -> bool {
        matches!(self.theirs, Theirs::Error(said) if said.contains(reason))
    }

    fn is_try_cast(&self) -> bool {
        self.subject.ours.starts_with("try_cast(")
    }

    /// Whether the expression has this literal.
    fn has_literal(&self, text: &str) -> bool {
        self.subject.ours.contains(&format!("'{text}'"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_has_a_name_of_its_own_and_a_reason() {
        let names: BTreeSet<_> = DIFFERENCES.iter().map(|entry| entry.what).collect();
        assert_eq!(names.len(), DIFFERENCES.len());
        assert!(DIFFERENCES.iter().all(|entry| !entry.reason.is_empty()));
    }

    #[test]
    fn casts_are_named_by_either_side() {
        assert!(Names::To("DATE").contain("VARCHAR to DATE"));
        assert!(!Names::To("DATE").contain("DATE to VARCHAR"));
        assert!(Names::From("DATE").contain("DATE to VARCHAR"));
        assert!(!Names::From("DATE").contain("date"));
    }
}
