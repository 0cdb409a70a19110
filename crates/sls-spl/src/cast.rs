//! Conversions between types.

use crate::ast::TypeName;
use crate::error::Fault;
use crate::eval::Context;
use crate::json;
use crate::number;
use crate::time;
use crate::types::{Type, Width};
use crate::value::Value;

/// Whether a cast from `from` to `to` can ever work.
pub(crate) fn castable(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Any | Type::Null, _) => true,
        (a, b) if a == b => true,
        (Type::Array(a), Type::Array(b)) => castable(a, b),
        (Type::Map(k, v), Type::Map(l, w)) => castable(k, l) && castable(v, w),
        (Type::Json, Type::Array(item)) => castable(&Type::Json, item),
        (Type::Json, Type::Map(key, value)) => {
            **key == Type::Varchar && castable(&Type::Json, value)
        }
        (Type::Json, Type::Timestamp | Type::Date | Type::Varbinary) => false,
        (Type::Array(_) | Type::Map(..), _) => *to == Type::Json,
        (_, Type::Array(_) | Type::Map(..)) => false,
        (Type::Varchar, _) | (Type::Json, _) => true,
        (Type::Varbinary, _) => *to == Type::Varchar,
        (_, Type::Varbinary) => false,
        (_, Type::Varchar | Type::Json) => true,
        (Type::Timestamp, _) => *to == Type::Date,
        (Type::Date, _) => *to == Type::Timestamp,
        (_, Type::Timestamp | Type::Date) => false,
        _ => true,
    }
}

/// Refuses a cast that can never work.
pub(crate) fn check(from: &Type, to: &Type, name: &TypeName) -> Result<(), Fault> {
    if castable(from, to) {
        return Ok(());
    }
    Err(Fault::types(
        name.span,
        format!("{from} cannot be cast to {to}"),
    ))
}

/// Converts a value; `Err` says why it cannot.
pub(crate) fn cast<'a>(
    value: Value<'a>,
    to: &Type,
    cx: &Context<'a>,
) -> Result<Value<'a>, &'static str> {
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Text(bytes), _) => from_text(bytes, to, cx),
        (Value::Integer(..), Type::Integer(Width::Big)) => Ok(value.widen(to)),
        (Value::Json(text), _) if *to != Type::Json => from_json(text, to, cx),
        (_, Type::Varchar) => Ok(to_text(value, cx)),
        (_, Type::Json) => Ok(to_json(value, cx)),
        (Value::Boolean(flag), _) => from_boolean(flag, to),
        (Value::Integer(_, number), _) => from_integer(i128::from(number), to),
        (Value::Huge(number), _) => from_integer(number, to),
        (Value::Real(number), Type::Real) => Ok(Value::Real(number)),
        (Value::Real(number), _) => from_double(f64::from(number), to),
        (Value::Double(number), _) => from_double(number, to),
        (Value::Timestamp(_), Type::Timestamp)
        | (Value::Date(_), Type::Date)
        | (Value::Binary(_), Type::Varbinary) => Ok(value),
        (Value::Timestamp(at), Type::Date) => Ok(Value::Date(time::local(at, cx.run.zone).date())),
        (Value::Date(date), Type::Timestamp) => {
            let midnight = date.to_datetime(jiff::civil::Time::midnight());
            time::instant(midnight, cx.run.zone)
                .map(Value::Timestamp)
                .ok_or("the date is out of range")
        }
        (Value::Array(items), Type::Array(item)) => {
            let mut out = Vec::with_capacity(items.len());
            for value in items {
                out.push(cast(*value, item, cx)?);
            }
            Ok(cx.array(&out))
        }
        (Value::Map(entries), Type::Map(key, value)) => {
            let mut out = Vec::with_capacity(entries.len());
            for (k, v) in entries {
                out.push((cast(*k, key, cx)?, cast(*v, value, cx)?));
            }
            Ok(cx.map(&out))
        }
        _ => Err("a value of this type cannot be cast"),
    }
}

fn from_text<'a>(bytes: &'a [u8], to: &Type, cx: &Context<'a>) -> Result<Value<'a>, &'static str> {
    match to {
        Type::Varchar => Ok(Value::Text(bytes)),
        Type::Integer(width) => number::parse_integer(bytes)
            .filter(|value| width.holds(*value))
            .map(|value| Value::Integer(*width, value))
            .ok_or("cannot cast text to an integer"),
        Type::Hugeint => number::parse_huge(bytes)
            .map(Value::Huge)
            .ok_or("cannot cast text to HUGEINT"),
        Type::Double => number::parse_double(bytes)
            .map(Value::Double)
            .ok_or("cannot cast text to DOUBLE"),
        Type::Real => number::parse_real(bytes)
            .map(Value::Real)
            .ok_or("cannot cast text to REAL"),
        Type::Boolean => {
            let is = |words: &[&str]| {
                words
                    .iter()
                    .any(|word| bytes.eq_ignore_ascii_case(word.as_bytes()))
            };
            if is(&["true", "t", "1"]) {
                Ok(Value::Boolean(true))
            } else if is(&["false", "f", "0"]) {
                Ok(Value::Boolean(false))
            } else {
                Err("cannot cast text to BOOLEAN")
            }
        }
        Type::Timestamp => time::parse_civil(bytes)
            .and_then(|local| time::instant(local, cx.run.zone))
            .map(Value::Timestamp)
            .ok_or("cannot cast text to TIMESTAMP"),
        Type::Date => time::parse_date(bytes)
            .map(Value::Date)
            .ok_or("cannot cast text to DATE"),
        Type::Varbinary => Ok(Value::Binary(bytes)),
        Type::Json => {
            let mut text = String::new();
            json::write_string(cx.read(bytes), &mut text);
            Ok(json_value(&text, cx))
        }
        _ => Err("text cannot be cast to this type"),
    }
}

fn from_json<'a>(text: &'a str, to: &Type, cx: &Context<'a>) -> Result<Value<'a>, &'static str> {
    let node = json::parse(text).ok_or("invalid JSON")?;
    match (node.kind(), to) {
        (json::Kind::Null, _) => Ok(Value::Null),
        (json::Kind::Array, Type::Array(item)) => {
            let mut out = Vec::new();
            for element in node.elements() {
                out.push(from_json_part(element, item, cx)?);
            }
            Ok(cx.array(&out))
        }
        (json::Kind::Object, Type::Map(key, value)) if **key == Type::Varchar => {
            let mut out = Vec::new();
            for (name, member) in node.members() {
                let name = cx.text(&name.decoded());
                out.push((name, from_json_part(member, value, cx)?));
            }
            Ok(cx.map(&out))
        }
        (json::Kind::Array | json::Kind::Object, _) => {
            Err("a JSON array or object cannot be cast to a scalar")
        }
        (_, Type::Array(_) | Type::Map(..)) => Err("a JSON scalar cannot be cast to this type"),
        (json::Kind::Boolean, _) if *to != Type::Varchar => from_boolean(text == "true", to),
        (json::Kind::Number, Type::Boolean | Type::Integer(_) | Type::Hugeint) => {
            match number::parse_huge(text.as_bytes()) {
                Some(number) => from_integer(number, to),
                None => {
                    let number = number::parse_double(text.as_bytes());
                    from_double(number.ok_or("invalid JSON number")?, to)
                }
            }
        }
        _ => {
            let scalar = match node.scalar() {
                Some(std::borrow::Cow::Borrowed(text)) => text.as_bytes(),
                Some(std::borrow::Cow::Owned(text)) => match cx.text(&text) {
                    Value::Text(bytes) => bytes,
                    _ => return Ok(Value::Null),
                },
                None => return Ok(Value::Null),
            };
            from_text(scalar, to, cx)
        }
    }
}

fn from_json_part<'a>(
    node: json::Node<'a>,
    to: &Type,
    cx: &Context<'a>,
) -> Result<Value<'a>, &'static str> {
    match to {
        Type::Json => Ok(cx.json(node.raw())),
        _ => from_json(node.raw(), to, cx),
    }
}

fn from_boolean<'a>(flag: bool, to: &Type) -> Result<Value<'a>, &'static str> {
    match to {
        Type::Boolean => Ok(Value::Boolean(flag)),
        _ => from_integer(i128::from(flag), to),
    }
}

fn from_integer<'a>(number: i128, to: &Type) -> Result<Value<'a>, &'static str> {
    match to {
        Type::Boolean => Ok(Value::Boolean(number != 0)),
        Type::Integer(width) => i64::try_from(number)
            .ok()
            .filter(|value| width.holds(*value))
            .map(|value| Value::Integer(*width, value))
            .ok_or("the number is out of range"),
        Type::Hugeint => Ok(Value::Huge(number)),
        Type::Real => Ok(Value::Real(number as f32)),
        Type::Double => Ok(Value::Double(number as f64)),
        _ => Err("a number cannot be cast to this type"),
    }
}

fn from_double<'a>(number: f64, to: &Type) -> Result<Value<'a>, &'static str> {
    match to {
        Type::Boolean => Ok(Value::Boolean(number != 0.0)),
        Type::Real if number.is_finite() && !(number as f32).is_finite() => {
            Err("the number is out of range")
        }
        Type::Real => Ok(Value::Real(number as f32)),
        Type::Double => Ok(Value::Double(number)),
        _ => from_integer(
            number::round_to_integer(number).ok_or("the number is out of range")?,
            to,
        ),
    }
}

pub(crate) fn to_text<'a>(value: Value<'a>, cx: &Context<'a>) -> Value<'a> {
    match value {
        Value::Text(_) | Value::Null => value,
        Value::Binary(bytes) => Value::Text(bytes),
        other => {
            let mut text = String::new();
            other.write(cx.run.zone, &mut text);
            cx.text(&text)
        }
    }
}

pub(crate) fn to_json<'a>(value: Value<'a>, cx: &Context<'a>) -> Value<'a> {
    if let Value::Json(_) | Value::Null = value {
        return value;
    }
    let mut text = String::new();
    value.write_json(cx.run.zone, &mut text);
    json_value(&text, cx)
}

fn json_value<'a>(text: &str, cx: &Context<'a>) -> Value<'a> {
    if cx.fits(text.len()) {
        Value::Json(cx.arena.alloc_str(text))
    } else {
        Value::Null
    }
}
