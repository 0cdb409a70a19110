//! The types of the language.

use std::fmt;

use crate::ast::TypeName;
use crate::error::Fault;

/// A type as known when compiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Not known before the row: an extracted value may or may not have replaced a typed one.
    Any,
    /// The type of a bare `null`, which fits everywhere.
    Null,
    /// BIGINT or DOUBLE, as the text of the row decides.
    Number,
    Boolean,
    Integer(Width),
    Hugeint,
    Real,
    Double,
    Timestamp,
    Date,
    Varchar,
    Varbinary,
    Json,
    Array(Box<Self>),
    Map(Box<Self>, Box<Self>),
}

/// The integer types up to 64 bits, narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    Tiny,
    Small,
    Integer,
    Big,
}

impl Width {
    /// Whether `value` fits.
    pub(crate) fn holds(self, value: i64) -> bool {
        match self {
            Self::Tiny => i8::try_from(value).is_ok(),
            Self::Small => i16::try_from(value).is_ok(),
            Self::Integer => i32::try_from(value).is_ok(),
            Self::Big => true,
        }
    }
}

pub(crate) const BIGINT: Type = Type::Integer(Width::Big);

impl Type {
    /// The type a program names, or why there is none.
    pub(crate) fn named(name: &TypeName) -> Result<Self, Fault> {
        let simple = match name.name.as_str() {
            "boolean" => Some(Self::Boolean),
            "tinyint" => Some(Self::Integer(Width::Tiny)),
            "smallint" => Some(Self::Integer(Width::Small)),
            "integer" | "int" => Some(Self::Integer(Width::Integer)),
            "bigint" => Some(BIGINT),
            "hugeint" => Some(Self::Hugeint),
            "real" => Some(Self::Real),
            "double" => Some(Self::Double),
            "date" => Some(Self::Date),
            "json" => Some(Self::Json),
            "varbinary" => Some(Self::Varbinary),
            _ => None,
        };
        let args = name.args.as_slice();
        let length = |args: &[TypeName]| {
            args.len() <= 1
                && args
                    .iter()
                    .all(|arg| arg.args.is_empty() && arg.name.bytes().all(|b| b.is_ascii_digit()))
        };
        match (name.name.as_str(), args) {
            (_, []) if simple.is_some() => simple.ok_or_else(|| unknown(name)),
            // A length or a precision is read and has no effect.
            ("varchar", args) if length(args) => Ok(Self::Varchar),
            ("timestamp", args) if length(args) => Ok(Self::Timestamp),
            ("array", [item]) => Ok(Self::Array(Box::new(Self::named(item)?))),
            ("map", [key, value]) => Ok(Self::Map(
                Box::new(Self::named(key)?),
                Box::new(Self::named(value)?),
            )),
            _ => Err(unknown(name)),
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Number | Self::Integer(_) | Self::Hugeint | Self::Real | Self::Double
        )
    }

    /// Whether values can be integers of at most 64 bits.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Number)
    }

    /// Whether nothing can be said against it when compiling.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Any | Self::Null)
    }

    /// The place of a number type in the order of widening.
    fn rank(&self) -> Option<u8> {
        Some(match self {
            Self::Integer(width) => *width as u8,
            Self::Hugeint => 4,
            Self::Real => 5,
            Self::Double => 6,
            _ => return None,
        })
    }

    /// The type both fit in without losing their kind: number widening only.
    pub(crate) fn unify(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Self::Null, one) | (one, Self::Null) => Some(one.clone()),
            (Self::Any, _) | (_, Self::Any) => Some(Self::Any),
            (Self::Number, Self::Double) | (Self::Double, Self::Number) => Some(Self::Double),
            (Self::Number, one) | (one, Self::Number) => one.is_number().then_some(Self::Number),
            (Self::Array(a), Self::Array(b)) => Some(Self::Array(Box::new(a.unify(b)?))),
            (Self::Map(k, v), Self::Map(l, w)) => {
                Some(Self::Map(Box::new(k.unify(l)?), Box::new(v.unify(w)?)))
            }
            (a, b) => {
                let wider = if a.rank()? >= b.rank()? { a } else { b };
                Some(wider.clone())
            }
        }
    }

    /// How many types it is made of, itself included.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Array(item) => 1 + item.size(),
            Self::Map(key, value) => 1 + key.size() + value.size(),
            _ => 1,
        }
    }

    /// Whether values of the type have an order.
    pub(crate) fn is_ordered(&self) -> bool {
        match self {
            Self::Map(..) | Self::Json => false,
            Self::Array(item) => item.is_ordered(),
            _ => true,
        }
    }
}

fn unknown(name: &TypeName) -> Fault {
    Fault::semantic(name.span, format!("unknown type {}", name.name)).hint(
        "types are boolean, tinyint, smallint, integer, bigint, hugeint, real, double, \
         timestamp, date, varchar, varbinary, json, array(t) and map(k, v)",
    )
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a type known only per row",
            Self::Null => "null",
            Self::Number => "a number",
            Self::Boolean => "BOOLEAN",
            Self::Integer(Width::Tiny) => "TINYINT",
            Self::Integer(Width::Small) => "SMALLINT",
            Self::Integer(Width::Integer) => "INTEGER",
            Self::Integer(Width::Big) => "BIGINT",
            Self::Hugeint => "HUGEINT",
            Self::Real => "REAL",
            Self::Double => "DOUBLE",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Varchar => "VARCHAR",
            Self::Varbinary => "VARBINARY",
            Self::Json => "JSON",
            Self::Array(item) => return write!(f, "ARRAY({item})"),
            Self::Map(key, value) => return write!(f, "MAP({key}, {value})"),
        })
    }
}
