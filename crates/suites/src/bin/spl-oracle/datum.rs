//! Values that both sides get, and that the engine gives back.

use std::fmt::Write as _;
use std::str::FromStr;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};
use suites::clients::Result;

/// A type, written as in `MAP<VARCHAR,BIGINT>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Tinyint,
    Smallint,
    Integer,
    Bigint,
    Real,
    Double,
    Varchar,
    Varbinary,
    /// In UTC.
    Timestamp,
    Date,
    Json,
    /// Of a bare null.
    Unknown,
    Array(Box<Self>),
    Map(Box<Self>, Box<Self>),
}

const NAMES: [(&str, Kind); 13] = [
    ("BOOLEAN", Kind::Boolean),
    ("TINYINT", Kind::Tinyint),
    ("SMALLINT", Kind::Smallint),
    ("INTEGER", Kind::Integer),
    ("BIGINT", Kind::Bigint),
    ("REAL", Kind::Real),
    ("DOUBLE", Kind::Double),
    ("VARCHAR", Kind::Varchar),
    ("VARBINARY", Kind::Varbinary),
    ("TIMESTAMP", Kind::Timestamp),
    ("DATE", Kind::Date),
    ("JSON", Kind::Json),
    ("UNKNOWN", Kind::Unknown),
];

impl Kind {
    pub(crate) fn array(item: Self) -> Self {
        Self::Array(Box::new(item))
    }

    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// The name in a cast: `map(varchar, bigint)`.
    pub(crate) fn sql(&self) -> String {
        self.to_string()
            .to_lowercase()
            .replace('<', "(")
            .replace('>', ")")
    }

    /// The name in a cast of the engine, which writes arrays as `bigint[]`.
    pub(crate) fn engine_sql(&self) -> String {
        match self {
            Self::Array(item) => format!("{}[]", item.engine_sql()),
            Self::Map(key, value) => {
                format!("map({}, {})", key.engine_sql(), value.engine_sql())
            }
            simple => simple.sql(),
        }
    }

    /// Whether values of the type leave a program as JSON text.
    pub(crate) fn is_written_as_json(&self) -> bool {
        matches!(self, Self::Json | Self::Array(_) | Self::Map(..))
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Array(item) => write!(f, "ARRAY<{item}>"),
            Self::Map(key, value) => write!(f, "MAP<{key},{value}>"),
            simple => {
                let found = NAMES.iter().find(|(_, kind)| kind == simple);
                f.write_str(found.map_or("", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("there is no type {text}");
        if let Some(item) = inside(text, "ARRAY<") {
            return Ok(Self::array(item.parse()?));
        }
        if let Some(both) = inside(text, "MAP<") {
            let (key, value) = both.split_once(',').ok_or_else(unknown)?;
            return Ok(Self::map(key.parse()?, value.parse()?));
        }
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| kind.clone()).ok_or_else(unknown)
    }
}

fn inside<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.strip_prefix(start)?.strip_suffix('>')
}

/// A value; what it is of is told by the [`Kind`] beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum {
    Null,
    Boolean(bool),
    /// An integer of any width.
    Integer(i64),
    /// REAL or DOUBLE.
    Double(f64),
    /// VARCHAR or JSON.
    Text(String),
    Binary(Vec<u8>),
    /// Nanoseconds since 1970.
    Timestamp(i128),
    /// Days since 1970.
    Date(i64),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Datum {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Datum {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl Datum {
    /// As `evaluate.py` reads it.
    pub(crate) fn to_wire(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => json!(value),
            Self::Integer(value) | Self::Date(value) => json!(value),
            Self::Timestamp(nanos) => json!(nanos.to_string()),
            Self::Double(value) => json!(value.to_string()),
            Self::Text(text) => json!(text),
            Self::Binary(bytes) => json!(hex(bytes)),
            Self::Array(items) => items.iter().map(Self::to_wire).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| json!([key.to_wire(), value.to_wire()]))
                .collect(),
        }
    }

    /// As `evaluate.py` writes it.
    pub(crate) fn from_wire(kind: &Kind, value: &Value) -> Result<Self> {
        let wrong = || format!("{value} is no {kind}");
        if value.is_null() {
            return Ok(Self::Null);
        }
        let integer = || value.as_i64().ok_or_else(wrong);
        let text = || value.as_str().ok_or_else(wrong);
        Ok(match kind {
            Kind::Boolean => Self::Boolean(value.as_bool().ok_or_else(wrong)?),
            Kind::Tinyint | Kind::Smallint | Kind::Integer | Kind::Bigint => {
                Self::Integer(integer()?)
            }
            Kind::Timestamp => Self::Timestamp(text()?.parse()?),
            Kind::Date => Self::Date(integer()?),
            Kind::Real | Kind::Double => Self::Double(text()?.parse()?),
            Kind::Varchar | Kind::Json => Self::Text(text()?.to_owned()),
            Kind::Varbinary => Self::Binary(unhex(text()?).ok_or_else(wrong)?),
            Kind::Unknown => return Err(wrong().into()),
            Kind::Array(item) => {
                let items = value.as_array().ok_or_else(wrong)?;
                let items = items.iter().map(|value| Self::from_wire(item, value));
                Self::Array(items.collect::<Result<_>>()?)
            }
            Kind::Map(key, item) => {
                let entries = value.as_array().ok_or_else(wrong)?.iter();
                let entries = entries.map(|pair| {
                    let key = Self::from_wire(key, &pair[0])?;
                    Ok((key, Self::from_wire(item, &pair[1])?))
                });
                Self::Map(entries.collect::<Result<_>>()?)
            }
        })
    }

    /// The text with which the value leaves a program, as the reference of the language says.
    ///
    /// Not for null, which has none.
    pub(crate) fn output(&self, kind: &Kind) -> String {
        match self {
            Self::Null => String::new(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Double(value) if *kind == Kind::Real => decimal(value, &(*value as f32)),
            Self::Double(value) => decimal(value, value),
            Self::Text(text) => text.clone(),
            Self::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => hex(bytes).to_uppercase(),
            },
            Self::Timestamp(nanos) => civil(*nanos).map_or_else(
                || nanos.to_string(),
                |time| {
                    let time = time.to_zoned(TimeZone::UTC);
                    format!(
                        "{}T{}",
                        calendar(time.date()),
                        time.strftime("%H:%M:%S.%3f")
                    )
                },
            ),
            Self::Date(days) => day(*days).map_or_else(|| days.to_string(), calendar),
            Self::Array(_) | Self::Map(_) => self.json(kind).to_string(),
        }
    }

    /// The value as JSON, for those that are written as JSON.
    pub(crate) fn json(&self, kind: &Kind) -> Value {
        match (self, kind) {
            (Self::Null, _) => Value::Null,
            (Self::Boolean(value), _) => json!(value),
            (Self::Integer(value), _) => json!(value),
            (Self::Double(value), Kind::Real) if value.is_finite() => {
                // Through text: the digits of the narrow number, not those of the wide one.
                (*value as f32)
                    .to_string()
                    .parse::<f64>()
                    .map_or(Value::Null, |value| json!(value))
            }
            (Self::Double(value), _) if value.is_finite() => json!(value),
            (Self::Text(text), Kind::Json) => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            (Self::Array(items), Kind::Array(item)) => {
                items.iter().map(|value| value.json(item)).collect()
            }
            (Self::Map(entries), Kind::Map(key, item)) => entries
                .iter()
                .map(|(name, value)| (name.output(key), value.json(item)))
                .collect(),
            (other, _) => json!(other.output(kind)),
        }
    }

    /// The text of a log's field from which [`loaded`] makes the value; `None` for null.
    pub(crate) fn field(&self, kind: &Kind) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Binary(bytes) => Some(hex(bytes)),
            Self::Timestamp(nanos) => {
                let time = civil(*nanos)?;
                Some(time.strftime("%Y-%m-%d %H:%M:%S.%9f").to_string())
            }
            other => Some(other.output(kind)),
        }
    }
}

/// The expression that makes a typed value of a field's text.
pub(crate) fn loaded(kind: &Kind, field: &str) -> String {
    match kind {
        Kind::Varchar => field.to_owned(),
        Kind::Varbinary => format!("from_hex({field})"),
        Kind::Json => format!("json_parse({field})"),
        Kind::Array(_) | Kind::Map(..) => format!("cast(json_parse({field}) as {})", kind.sql()),
        kind => format!("cast({field} as {})", kind.sql()),
    }
}

/// Plain decimal with a fraction; `digits` is the number in the width that decides on them.
fn decimal(value: &f64, digits: &impl ToString) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if *value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let mut text = digits.to_string();
    if !text.contains('.') {
        text += ".0";
    }
    text
}

fn calendar(day: Date) -> String {
    let sign = if day.year() < 0 { "-" } else { "" };
    let year = day.year().unsigned_abs();
    format!("{sign}{year:04}-{:02}-{:02}", day.month(), day.day())
}

/// The time, unless it is too far away to have a name.
fn civil(nanos: i128) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanos).ok()
}

/// The day, unless it is too far away to have a name.
fn day(days: i64) -> Option<Date> {
    let span = Span::new().try_days(days).ok()?;
    date(1970, 1, 1).checked_add(span).ok()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_printed() {
        for text in ["BIGINT", "ARRAY<ARRAY<DATE>>", "MAP<VARCHAR,ARRAY<DOUBLE>>"] {
            assert_eq!(text.parse::<Kind>().unwrap().to_string(), text);
        }
        assert!("ROW<x:BIGINT>".parse::<Kind>().is_err());
        assert_eq!(
            "MAP<VARCHAR,BIGINT>".parse::<Kind>().unwrap().sql(),
            "map(varchar,bigint)"
        );
    }

    #[test]
    fn values_leave_as_the_reference_says() {
        let check = |datum: Datum, kind: Kind, want: &str| assert_eq!(datum.output(&kind), want);
        check(
            Datum::Double(1e21),
            Kind::Double,
            "1000000000000000000000.0",
        );
        check(Datum::Double(f64::from(0.1f32)), Kind::Real, "0.1");
        check(Datum::Double(f64::NEG_INFINITY), Kind::Double, "-Infinity");
        check(Datum::Binary(vec![0xff]), Kind::Varbinary, "FF");
        check(
            Datum::Timestamp(-1_000_000),
            Kind::Timestamp,
            "1969-12-31T23:59:59.999",
        );
        check(Datum::Date(-1), Kind::Date, "1969-12-31");
    }

    #[test]
    fn the_wire_gives_back_what_it_got() {
        let kind = Kind::map(Kind::Varchar, Kind::array(Kind::Double));
        let items = Datum::Array(vec![Datum::Null, Datum::Double(0.5)]);
        let datum = Datum::Map(vec![(Datum::from("a"), items)]);
        assert_eq!(Datum::from_wire(&kind, &datum.to_wire()).unwrap(), datum);
    }
}
