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
                    || kind.is_written_as_json() && is_document(text, &datum.json(kind))
            }
            (Self::Refused(_), Theirs::Null) => row.contains(&Datum::Null),
            (Self::Null, Theirs::Null)
            | (Self::Error(_) | Self::Refused(_), Theirs::Error(_))
            | (Self::Refused(_), Theirs::Refused(_)) => true,
            _ => false,
        }
    }
}

/// Whether a text is that document.
pub(crate) fn is_document(text: &str, document: &Value) -> bool {
    serde_json::from_str(text).is_ok_and(|value| same(&value, document))
}

/// Whether documents are the same.
///
/// Reading a fraction may miss its last digit, so that digit does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if ulps(a, b) <= 1)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let in_b = |(name, a): (&String, &Value)| b.get(name).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(in_b)
        }
        (a, b) => a == b,
    }
}

/// How many numbers of the format lie between two, one of them included.
pub(crate) fn ulps(a: f64, b: f64) -> u64 {
    // The bits of negative numbers count downwards from those of zero.
    let place = |x: f64| match x.to_bits() as i64 {
        bits if bits < 0 => i64::MIN.wrapping_sub(bits),
        bits => bits,
    };
    place(a).abs_diff(place(b))
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
    fn distance_is_counted_in_numbers() {
        assert_eq!(ulps(1.0, 1.0 + f64::EPSILON), 1);
        assert_eq!(ulps(5e-324, -5e-324), 2);
        assert_eq!(ulps(0.0, -0.0), 0);
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
