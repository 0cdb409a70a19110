//! `+ - * / %` and the minus sign.

use crate::ast::ArithmeticOp;
use crate::number;
use crate::types::Width;
use crate::value::{Value, bigint};

use super::Context;
use super::expr::{as_number, fraction};

const OVERFLOW: &str = "the result is out of range";
const ZERO: &str = "division by zero";

/// The result of one operation; text is read as a number first.
pub(crate) fn apply<'a>(
    op: ArithmeticOp,
    left: Value<'a>,
    right: Value<'a>,
    cx: &Context<'a>,
) -> Value<'a> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Integer(v, a), Value::Integer(w, b)) => integers(op, v.max(w), a, b, cx),
        (Value::Text(a), Value::Text(b)) => {
            let pair = number::parse_integer(a).zip(number::parse_integer(b));
            if let Some((a, b)) = pair {
                return integers(op, Width::Big, a, b, cx);
            }
            match (double(a, cx), double(b, cx)) {
                (Some(a), Some(b)) => Value::Double(doubles(op, a, b)),
                _ => Value::Null,
            }
        }
        (Value::Text(text), number) if number.as_double().is_some() => {
            as_number(text, number, cx).map_or(Value::Null, |text| apply(op, text, number, cx))
        }
        (number, Value::Text(text)) if number.as_double().is_some() => {
            as_number(text, number, cx).map_or(Value::Null, |text| apply(op, number, text, cx))
        }
        (Value::Double(a), _) => with_double(op, Some(a), right.as_double(), cx),
        (_, Value::Double(b)) => with_double(op, left.as_double(), Some(b), cx),
        (Value::Real(_), _) | (_, Value::Real(_)) => {
            match with_double(op, left.as_double(), right.as_double(), cx) {
                Value::Double(value) => Value::Real(value as f32),
                other => other,
            }
        }
        _ => match (huge(left), huge(right)) {
            (Some(a), Some(b)) => huges(op, a, b, cx),
            _ => cx.fail("arithmetic needs numbers", b""),
        },
    }
}

/// The value with its sign turned.
pub(super) fn negate<'a>(value: Value<'a>, cx: &Context<'a>) -> Value<'a> {
    match value {
        Value::Null => Value::Null,
        Value::Integer(width, number) => integers(ArithmeticOp::Subtract, width, 0, number, cx),
        Value::Huge(number) => number
            .checked_neg()
            .map_or_else(|| cx.fail(OVERFLOW, b""), Value::Huge),
        Value::Real(number) => Value::Real(-number),
        Value::Double(number) => Value::Double(-number),
        Value::Text(text) => match number::parse_integer(text) {
            Some(number) => negate(bigint(number), cx),
            None => match fraction(text) {
                Some(number) => negate(number, cx),
                None => cx.fail("text is not a number", text),
            },
        },
        _ => cx.fail("arithmetic needs numbers", b""),
    }
}

fn double(text: &[u8], cx: &Context<'_>) -> Option<f64> {
    let number = number::parse_double(text);
    if number.is_none() {
        cx.fail("text is not a number", text);
    }
    number
}

fn huge(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Integer(_, number) => Some(i128::from(number)),
        Value::Huge(number) => Some(number),
        _ => None,
    }
}

fn integers<'a>(op: ArithmeticOp, width: Width, a: i64, b: i64, cx: &Context<'a>) -> Value<'a> {
    let result = match op {
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Subtract => a.checked_sub(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Divide | ArithmeticOp::Modulo if b == 0 => return cx.fail(ZERO, b""),
        ArithmeticOp::Divide => a.checked_div(b),
        // The smallest number modulo -1 is 0, though its quotient overflows.
        ArithmeticOp::Modulo => Some(a.wrapping_rem(b)),
    };
    match result.filter(|value| width.holds(*value)) {
        Some(value) => Value::Integer(width, value),
        None => cx.fail(OVERFLOW, b""),
    }
}

fn huges<'a>(op: ArithmeticOp, a: i128, b: i128, cx: &Context<'a>) -> Value<'a> {
    let result = match op {
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Subtract => a.checked_sub(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Divide | ArithmeticOp::Modulo if b == 0 => return cx.fail(ZERO, b""),
        ArithmeticOp::Divide => a.checked_div(b),
        ArithmeticOp::Modulo => Some(a.wrapping_rem(b)),
    };
    result.map_or_else(|| cx.fail(OVERFLOW, b""), Value::Huge)
}

fn with_double<'a>(
    op: ArithmeticOp,
    left: Option<f64>,
    right: Option<f64>,
    cx: &Context<'a>,
) -> Value<'a> {
    match (left, right) {
        (Some(a), Some(b)) => Value::Double(doubles(op, a, b)),
        _ => cx.fail("arithmetic needs numbers", b""),
    }
}

fn doubles(op: ArithmeticOp, a: f64, b: f64) -> f64 {
    match op {
        ArithmeticOp::Add => a + b,
        ArithmeticOp::Subtract => a - b,
        ArithmeticOp::Multiply => a * b,
        ArithmeticOp::Divide => a / b,
        ArithmeticOp::Modulo => a % b,
    }
}
