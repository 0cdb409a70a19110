//! The values a row is made of while it is evaluated.

use std::cmp::Ordering;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::json::write_string;
use crate::number::{write_double, write_real};
use crate::time;
use crate::types::{Type, Width};

/// One value; what it points at lives in the row, in the program or in the arena of the row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(Width, i64),
    Huge(i128),
    Real(f32),
    Double(f64),
    Timestamp(Timestamp),
    Date(Date),
    /// VARCHAR. Normally UTF-8; other bytes pass through and are read lossily.
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// A valid, compact JSON text.
    Json(&'a str),
    Array(&'a [Self]),
    Map(&'a [(Self, Self)]),
}

pub(crate) fn bigint<'a>(value: i64) -> Value<'a> {
    Value::Integer(Width::Big, value)
}

impl<'a> Value<'a> {
    pub(crate) fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The name of the type of the value, for messages and comparisons of kind.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "BOOLEAN",
            Self::Integer(Width::Tiny, _) => "TINYINT",
            Self::Integer(Width::Small, _) => "SMALLINT",
            Self::Integer(Width::Integer, _) => "INTEGER",
            Self::Integer(Width::Big, _) => "BIGINT",
            Self::Huge(_) => "HUGEINT",
            Self::Real(_) => "REAL",
            Self::Double(_) => "DOUBLE",
            Self::Timestamp(_) => "TIMESTAMP",
            Self::Date(_) => "DATE",
            Self::Text(_) => "VARCHAR",
            Self::Binary(_) => "VARBINARY",
            Self::Json(_) => "JSON",
            Self::Array(_) => "ARRAY",
            Self::Map(_) => "MAP",
        }
    }

    /// Whether both values have the same type, as far as one can tell from the values.
    pub(crate) fn same_type(self, other: Self) -> bool {
        self.type_name() == other.type_name()
    }

    /// The number as a double; `None` for other values.
    pub(crate) fn as_double(self) -> Option<f64> {
        match self {
            Self::Integer(_, value) => Some(value as f64),
            Self::Huge(value) => Some(value as f64),
            Self::Real(value) => Some(f64::from(value)),
            Self::Double(value) => Some(value),
            _ => None,
        }
    }

    /// The number as an integer of 64 bits; `None` for fractions and other values.
    pub(crate) fn as_integer(self) -> Option<i64> {
        match self {
            Self::Integer(_, value) => Some(value),
            Self::Huge(value) => i64::try_from(value).ok(),
            _ => None,
        }
    }

    /// The value as `wanted`, when that is a number type at least as wide.
    pub(crate) fn widen(self, wanted: &Type) -> Self {
        match (self, wanted) {
            (Self::Integer(_, value), Type::Integer(width)) => Self::Integer(*width, value),
            (Self::Integer(_, value), Type::Hugeint) => Self::Huge(i128::from(value)),
            (Self::Integer(_, value), Type::Real) => Self::Real(value as f32),
            (Self::Huge(value), Type::Real) => Self::Real(value as f32),
            (number, Type::Double) => number.as_double().map_or(number, Self::Double),
            (other, _) => other,
        }
    }

    /// Whether text and text, or number and number, and so on, are the same value.
    ///
    /// `None` when either is null or they are of kinds that do not compare.
    pub(crate) fn equals(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a == b),
            (Self::Array(a), Self::Array(b)) if a.len() == b.len() => {
                all(a.iter().zip(b).map(|(x, y)| x.equals(*y)))
            }
            (Self::Array(_), Self::Array(_)) => Some(false),
            (Self::Map(a), Self::Map(b)) => {
                if a.len() != b.len() {
                    return Some(false);
                }
                let sorted = |map: &'a [(Value<'a>, Value<'a>)]| {
                    let mut entries: Vec<_> = map.to_vec();
                    entries.sort_by(|x, y| x.0.total_order(y.0));
                    entries
                };
                let pairs = sorted(a).into_iter().zip(sorted(b));
                all(pairs.map(|(x, y)| {
                    if x.0.total_order(y.0).is_eq() {
                        x.1.equals(y.1)
                    } else {
                        Some(false)
                    }
                }))
            }
            (Self::Json(a), Self::Json(b)) => Some(a == b),
            _ => match self.compare(other) {
                Comparison::Ordered(ordering) => Some(ordering.is_eq()),
                Comparison::Incomparable => None,
            },
        }
    }

    /// The order of two values of one kind.
    pub(crate) fn compare(self, other: Self) -> Comparison {
        let ordered = match (self, other) {
            (Self::Integer(_, a), Self::Integer(_, b)) => a.cmp(&b),
            (Self::Text(a), Self::Text(b)) | (Self::Binary(a), Self::Binary(b)) => a.cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(&b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(&b),
            (Self::Date(a), Self::Date(b)) => a.cmp(&b),
            (Self::Huge(a), Self::Huge(b)) => a.cmp(&b),
            (Self::Huge(a), Self::Integer(_, b)) => a.cmp(&i128::from(b)),
            (Self::Integer(_, a), Self::Huge(b)) => i128::from(a).cmp(&b),
            (Self::Array(a), Self::Array(b)) => {
                for (x, y) in a.iter().zip(b) {
                    match x.compare(*y) {
                        Comparison::Ordered(Ordering::Equal) => {}
                        // The first difference decides, unless it is open for a null.
                        decided => return decided,
                    }
                }
                a.len().cmp(&b.len())
            }
            _ => {
                return match (self.as_double(), other.as_double()) {
                    // NaN equals itself and is larger than every other number.
                    (Some(a), Some(b)) => Comparison::Ordered(
                        a.partial_cmp(&b)
                            .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
                    ),
                    _ => Comparison::Incomparable,
                };
            }
        };
        Comparison::Ordered(ordered)
    }

    /// An order of all values, for sorting and for finding duplicates: NaN last, null after it.
    pub(crate) fn total_order(self, other: Self) -> Ordering {
        match self.compare(other) {
            Comparison::Ordered(ordering) => ordering,
            Comparison::Incomparable => match (self, other) {
                (Self::Json(a), Self::Json(b)) => a.cmp(b),
                (Self::Array(a), Self::Array(b)) => {
                    for (x, y) in a.iter().zip(b) {
                        let order = x.total_order(*y);
                        if order.is_ne() {
                            return order;
                        }
                    }
                    a.len().cmp(&b.len())
                }
                (Self::Map(a), Self::Map(b)) => {
                    for (x, y) in a.iter().zip(b) {
                        let order = x.0.total_order(y.0).then_with(|| x.1.total_order(y.1));
                        if order.is_ne() {
                            return order;
                        }
                    }
                    a.len().cmp(&b.len())
                }
                _ => self.class().cmp(&other.class()),
            },
        }
    }

    fn class(self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Integer(..) | Self::Huge(_) | Self::Real(_) | Self::Double(_) => 1,
            Self::Timestamp(_) => 2,
            Self::Date(_) => 3,
            Self::Text(_) => 4,
            Self::Binary(_) => 5,
            Self::Json(_) => 6,
            Self::Array(_) => 7,
            Self::Map(_) => 8,
            Self::Null => 9,
        }
    }

    /// How many bytes a function goes through that looks at all of the value.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
            Self::Json(text) => text.len(),
            Self::Array(items) => size_of_val(items),
            Self::Map(entries) => size_of_val(entries),
            _ => 0,
        }
    }

    /// Writes the value as it leaves the program; nothing for null.
    pub(crate) fn write(self, zone: &TimeZone, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
            Self::Integer(_, value) => {
                let _ = write!(out, "{value}");
            }
            Self::Huge(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Real(value) => write_real(value, out),
            Self::Double(value) => write_double(value, out),
            Self::Timestamp(value) => time::write_timestamp(value, zone, out),
            Self::Date(value) => time::write_date(value, out),
            Self::Text(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
            Self::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => out.push_str(text),
                Err(_) => write_hex(bytes, out),
            },
            Self::Json(text) => out.push_str(text),
            Self::Array(_) | Self::Map(_) => self.write_json(zone, out),
        }
    }

    /// Writes the value as JSON.
    pub(crate) fn write_json(self, zone: &TimeZone, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(_) | Self::Integer(..) | Self::Huge(_) | Self::Json(_) => {
                self.write(zone, out);
            }
            Self::Real(value) if value.is_finite() => self.write(zone, out),
            Self::Double(value) if value.is_finite() => self.write(zone, out),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_json(zone, out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    let mut name = String::new();
                    key.write(zone, &mut name);
                    write_string(&name, out);
                    out.push(':');
                    value.write_json(zone, out);
                }
                out.push('}');
            }
            other => {
                let mut text = String::new();
                other.write(zone, &mut text);
                write_string(&text, out);
            }
        }
    }
}

/// Whether all parts are the same; open when none differs and a null is among them.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open = true,
        }
    }
    (!open).then_some(true)
}

/// What [`Value::compare`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Ordered(Ordering),
    /// Null, or kinds that do not compare.
    Incomparable,
}

pub(crate) fn write_hex(bytes: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}
