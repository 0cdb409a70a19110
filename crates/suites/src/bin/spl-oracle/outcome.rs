//! What an expression gives for a row, on either side.

use std::fmt;

use serde_json::Value;

use crate::datum::{Datum, Kind};

/// What we give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ours {
    /// The text of the field.
    Text(String),
    Null,
    /// A data error.
    Error(String),
    /// The expression does not compile.
    Refused(String),
}

/// What the engine gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Theirs {
    Value(Kind, Datum),
    Null,
    Error(String),
    Refused(String),
}

impl Ours {
    /// Whether both sides say the same.
    ///
    /// An expression that does not compile here may fail for each row there; a row with a
    /// null then says nothing.
    pub(crate) fn agrees_with(&self, theirs: &Theirs, row: &[Datum]) -> bool {
        match (self, theirs) {
            (Self::Text(text), Theirs::Value(kind, datum)) => {
                *text == datum.output(kind)
                    || kind.is_written_as_json()
                        && serde_json::from_str::<Value>(text).ok() == Some(datum.json(kind))
            }
            (Self::Refused(_), Theirs::Null) => row.contains(&Datum::Null),
            (Self::Null, Theirs::Null)
            | (Self::Error(_) | Self::Refused(_), Theirs::Error(_))
            | (Self::Refused(_), Theirs::Refused(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Null => f.write_str("null"),
            Self::Error(reason) => write!(f, "error: {reason}"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

impl fmt::Display for Theirs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(kind, datum) => write!(f, "{kind} {:?}", datum.output(kind)),
            Self::Null => f.write_str("null"),
            Self::Error(reason) => write!(f, "error: {reason}"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ours: &Ours, theirs: &Theirs, want: bool) {
        assert_eq!(
            ours.agrees_with(theirs, &[Datum::from(1)]),
            want,
            "{ours} {theirs}"
        );
    }

    #[test]
    fn values_agree_by_their_text_and_documents_by_their_value() {
        let text = |text: &str| Ours::Text(text.to_owned());
        check(
            &text("1.0"),
            &Theirs::Value(Kind::Double, Datum::from(1.0)),
            true,
        );
        check(
            &text("1"),
            &Theirs::Value(Kind::Double, Datum::from(1.0)),
            false,
        );
        let document = Theirs::Value(Kind::Json, Datum::from(r#"{"b":1, "a":2}"#));
        check(&text(r#"{"a":2,"b":1}"#), &document, true);
        check(&text(r#"{"a":2.0,"b":1}"#), &document, false);
    }

    #[test]
    fn null_and_an_error_are_not_the_same() {
        check(&Ours::Null, &Theirs::Error(String::new()), false);
        check(&Ours::Error(String::new()), &Theirs::Null, false);
        check(
            &Ours::Refused(String::new()),
            &Theirs::Error(String::new()),
            true,
        );
        check(
            &Ours::Error(String::new()),
            &Theirs::Refused(String::new()),
            false,
        );
    }
}
