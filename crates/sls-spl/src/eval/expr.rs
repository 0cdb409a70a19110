//! The value of an expression for one row.
//!
//! A failing part is null and leaves a note in the context; nothing here returns an error.

use std::cmp::Ordering;

use crate::ast::CompareOp;
use crate::cast;
use crate::functions::{Call, CallNode};
use crate::like::Like;
use crate::number;
use crate::plan::{Node, Pattern};
use crate::value::{Comparison, Value, bigint};

use super::arithmetic;
use super::{Context, MAX_PATTERN, State};

/// Evaluates `node` over `row`.
pub(crate) fn eval<'a>(node: &'a Node, row: &State<'a>, cx: &Context<'a>) -> Value<'a> {
    match node {
        Node::Null => Value::Null,
        Node::Boolean(value) => Value::Boolean(*value),
        Node::BigInt(value) => bigint(*value),
        Node::Double(value) => Value::Double(*value),
        Node::Text(bytes) => Value::Text(bytes),
        Node::Field(id) => row.get(*id),
        Node::Local(depth) => {
            let locals = cx.locals.borrow();
            locals.get(*depth).copied().unwrap_or(Value::Null)
        }
        Node::Or(list) => junction(list, true, row, cx),
        Node::And(list) => junction(list, false, row, cx),
        Node::Not(operand) => match truth(eval(operand, row, cx), cx) {
            Some(value) => Value::Boolean(!value),
            None => Value::Null,
        },
        Node::Compare(op, left, right) => {
            let left = eval(left, row, cx);
            if left.is_null() {
                return Value::Null;
            }
            boolean(compare(*op, left, eval(right, row, cx), cx))
        }
        Node::Like {
            negated,
            text,
            pattern,
        } => boolean(like(text, pattern, row, cx).map(|found| found != *negated)),
        Node::In {
            negated,
            value,
            list,
        } => boolean(contained(value, list, row, cx).map(|found| found != *negated)),
        Node::Between {
            negated,
            value,
            low,
            high,
        } => boolean(between(value, low, high, row, cx).map(|inside| inside != *negated)),
        Node::IsNull { negated, value } => {
            Value::Boolean(eval(value, row, cx).is_null() != *negated)
        }
        Node::Concat(parts) => concat(parts, row, cx),
        Node::Arithmetic(op, left, right) => {
            let left = eval(left, row, cx);
            if left.is_null() {
                return Value::Null;
            }
            arithmetic::apply(*op, left, eval(right, row, cx), cx)
        }
        Node::Negate(operand) => arithmetic::negate(eval(operand, row, cx), cx),
        Node::Subscript(value, index) => {
            let value = eval(value, row, cx);
            if value.is_null() {
                return Value::Null;
            }
            subscript(value, eval(index, row, cx), cx)
        }
        Node::Call(call) => run_call(call, row, cx),
        Node::Cast {
            checked,
            value,
            target,
        } => {
            let value = eval(value, row, cx);
            cast::cast(value, target, cx).unwrap_or_else(|reason| {
                if *checked {
                    cx.fail(reason, subject(value))
                } else {
                    Value::Null
                }
            })
        }
        Node::Widen(value, target) => eval(value, row, cx).widen(target),
        Node::Case {
            operand,
            arms,
            otherwise,
        } => case(operand.as_deref(), arms, otherwise, row, cx),
        Node::Coalesce(list) => list
            .iter()
            .map(|item| eval(item, row, cx))
            .find(|value| !value.is_null())
            .unwrap_or(Value::Null),
        Node::NullIf(left, right) => {
            let left = eval(left, row, cx);
            if left.is_null() {
                return Value::Null;
            }
            match compare(CompareOp::Equal, left, eval(right, row, cx), cx) {
                Some(true) => Value::Null,
                _ => left,
            }
        }
        Node::Try(inner) => match cx.attempt(|| eval(inner, row, cx)) {
            (_, true) => Value::Null,
            (value, false) => value,
        },
        Node::Array(items) => array(items, row, cx),
        Node::Transform(array, body) => each(array, row, cx, |_, out| {
            out.push(eval(body, row, cx));
        }),
        Node::Filter(array, body) => each(array, row, cx, |item, out| {
            if is_true(eval(body, row, cx), cx) {
                out.push(item);
            }
        }),
    }
}

/// Whether a condition holds: false and null do not.
pub(crate) fn is_true(value: Value<'_>, cx: &Context<'_>) -> bool {
    truth(value, cx) == Some(true)
}

/// The text a message about a value shows.
fn subject<'a>(value: Value<'a>) -> &'a [u8] {
    match value {
        Value::Text(bytes) => bytes,
        Value::Json(text) => text.as_bytes(),
        _ => b"",
    }
}

fn boolean<'a>(value: Option<bool>) -> Value<'a> {
    value.map_or(Value::Null, Value::Boolean)
}

fn truth(value: Value<'_>, cx: &Context<'_>) -> Option<bool> {
    match value {
        Value::Boolean(value) => Some(value),
        Value::Null => None,
        other => {
            cx.fail(
                "a condition is not BOOLEAN but",
                other.type_name().as_bytes(),
            );
            None
        }
    }
}

/// `or` when `decisive` is true, `and` when it is false.
fn junction<'a>(list: &'a [Node], decisive: bool, row: &State<'a>, cx: &Context<'a>) -> Value<'a> {
    let mut unknown = false;
    for operand in list {
        match truth(eval(operand, row, cx), cx) {
            Some(value) if value == decisive => return Value::Boolean(decisive),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown {
        Value::Null
    } else {
        Value::Boolean(!decisive)
    }
}

/// Compares two values, text being read as a number when the other one is a number.
pub(crate) fn compare(
    op: CompareOp,
    left: Value<'_>,
    right: Value<'_>,
    cx: &Context<'_>,
) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    if let (Value::Integer(_, a), Value::Integer(_, b)) = (left, right) {
        return Some(holds(op, a.cmp(&b)));
    }
    if matches!(op, CompareOp::Equal | CompareOp::NotEqual) && left.same_type(right) {
        return left
            .equals(right)
            .map(|equal| equal == (op == CompareOp::Equal));
    }
    let (left, right) = match (left, right) {
        (Value::Text(text), number) if number.as_double().is_some() => {
            (as_number(text, number, cx)?, number)
        }
        (number, Value::Text(text)) if number.as_double().is_some() => {
            (number, as_number(text, number, cx)?)
        }
        same => same,
    };
    match left.compare(right) {
        Comparison::Ordered(ordering) => Some(holds(op, ordering)),
        Comparison::Incomparable => {
            cx.fail("these types do not compare", b"");
            None
        }
    }
}

fn holds(op: CompareOp, ordering: Ordering) -> bool {
    match op {
        CompareOp::Equal => ordering.is_eq(),
        CompareOp::NotEqual => ordering.is_ne(),
        CompareOp::Less => ordering.is_lt(),
        CompareOp::LessEqual => ordering.is_le(),
        CompareOp::Greater => ordering.is_gt(),
        CompareOp::GreaterEqual => ordering.is_ge(),
    }
}

/// The number a text stands for next to `other`; a failure is noted.
pub(crate) fn as_number<'a>(text: &[u8], other: Value<'_>, cx: &Context<'_>) -> Option<Value<'a>> {
    let number = match other {
        Value::Real(_) | Value::Double(_) => number::parse_double(text).map(Value::Double),
        Value::Huge(_) => number::parse_huge(text)
            .map(Value::Huge)
            .or_else(|| fraction(text)),
        _ => number::parse_integer(text)
            .map(bigint)
            .or_else(|| fraction(text)),
    };
    if number.is_none() {
        cx.fail("text is not a number", text);
    }
    number
}

/// A text with a fraction as a double.
pub(crate) fn fraction<'a>(text: &[u8]) -> Option<Value<'a>> {
    if !text.contains(&b'.') {
        return None;
    }
    number::parse_double(text).map(Value::Double)
}

fn like<'a>(
    text: &'a Node,
    pattern: &'a Pattern,
    row: &State<'a>,
    cx: &Context<'a>,
) -> Option<bool> {
    let text = match eval(text, row, cx) {
        Value::Text(bytes) => cx.read(bytes),
        Value::Null => return None,
        _ => {
            cx.fail("like needs VARCHAR", b"");
            return None;
        }
    };
    match pattern {
        Pattern::Fixed(like) => like.matches(text, |more| cx.work(more)),
        Pattern::PerRow(node, escape) => match eval(node, row, cx) {
            Value::Text(bytes) if bytes.len() > MAX_PATTERN => {
                cx.fail("the pattern of like is too large", bytes);
                None
            }
            Value::Text(bytes) => {
                let like = Like::new(cx.read(bytes), *escape);
                if like.is_none() {
                    cx.fail(
                        "the escape of like stands before an ordinary character",
                        bytes,
                    );
                }
                like.and_then(|like| like.matches(text, |more| cx.work(more)))
            }
            Value::Null => None,
            _ => {
                cx.fail("like needs VARCHAR", b"");
                None
            }
        },
    }
}

// The arms below are functions of their own to keep the frame of `eval` small: it recurses.

fn array<'a>(items: &'a [Node], row: &State<'a>, cx: &Context<'a>) -> Value<'a> {
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        values.push(eval(item, row, cx));
    }
    cx.array(&values)
}

fn between<'a>(
    value: &'a Node,
    low: &'a Node,
    high: &'a Node,
    row: &State<'a>,
    cx: &Context<'a>,
) -> Option<bool> {
    let value = eval(value, row, cx);
    let low = eval(low, row, cx);
    let high = eval(high, row, cx);
    let above = compare(CompareOp::GreaterEqual, value, low, cx);
    let below = compare(CompareOp::LessEqual, value, high, cx);
    // A bound that is null leaves the answer open, even where the other one would decide.
    above.zip(below).map(|(above, below)| above && below)
}

fn contained<'a>(
    value: &'a Node,
    list: &'a [Node],
    row: &State<'a>,
    cx: &Context<'a>,
) -> Option<bool> {
    let value = eval(value, row, cx);
    if value.is_null() {
        return None;
    }
    let mut unknown = false;
    for item in list {
        match compare(CompareOp::Equal, value, eval(item, row, cx), cx) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(false)
}

fn concat<'a>(parts: &'a [Node], row: &State<'a>, cx: &Context<'a>) -> Value<'a> {
    let mut out: Vec<u8> = Vec::new();
    for part in parts {
        match eval(part, row, cx) {
            Value::Text(bytes) => {
                if !cx.fits(out.len() + bytes.len()) {
                    return Value::Null;
                }
                out.extend_from_slice(bytes);
            }
            Value::Null => return Value::Null,
            _ => return cx.fail("|| needs VARCHAR", b""),
        }
    }
    Value::Text(cx.arena.alloc_slice_copy(&out))
}

fn subscript<'a>(value: Value<'a>, index: Value<'a>, cx: &Context<'a>) -> Value<'a> {
    match (value, index) {
        (_, Value::Null) => Value::Null,
        (Value::Array(items), _) => {
            let Some(index) = index.as_integer() else {
                return cx.fail("an array subscript is not an integer", b"");
            };
            let place = usize::try_from(index).ok().and_then(|i| i.checked_sub(1));
            match place.and_then(|place| items.get(place)) {
                Some(item) => *item,
                None => cx.fail("the array subscript is out of range", b""),
            }
        }
        (Value::Map(entries), key) => entries
            .iter()
            .find(|(k, _)| k.equals(key) == Some(true))
            .map_or(Value::Null, |(_, value)| *value),
        _ => cx.fail("only arrays and maps have subscripts", b""),
    }
}

fn case<'a>(
    operand: Option<&'a Node>,
    arms: &'a [(Node, Node)],
    otherwise: &'a Node,
    row: &State<'a>,
    cx: &Context<'a>,
) -> Value<'a> {
    let operand = operand.map(|node| eval(node, row, cx));
    for (when, then) in arms {
        let when = eval(when, row, cx);
        let taken = match operand {
            Some(operand) => compare(CompareOp::Equal, operand, when, cx) == Some(true),
            None => is_true(when, cx),
        };
        if taken {
            return eval(then, row, cx);
        }
    }
    eval(otherwise, row, cx)
}

fn run_call<'a>(node: &'a CallNode, row: &State<'a>, cx: &Context<'a>) -> Value<'a> {
    let mut few = [Value::Null; 4];
    let mut many = Vec::new();
    let count = node.args.len();
    let args: &mut [Value<'a>] = if count <= few.len() {
        &mut few[..count]
    } else {
        many.resize(count, Value::Null);
        &mut many
    };
    for (slot, arg) in args.iter_mut().zip(&node.args) {
        *slot = eval(arg, row, cx);
        if slot.is_null() {
            return Value::Null;
        }
        if !cx.work(slot.bytes()) {
            return Value::Null;
        }
    }
    (node.function.run)(&Call {
        args,
        prepared: &node.prepared,
        cx,
    })
}

/// Calls `visit` for each item of an array with the item as the innermost lambda parameter.
fn each<'a>(
    array: &'a Node,
    row: &State<'a>,
    cx: &Context<'a>,
    mut visit: impl FnMut(Value<'a>, &mut Vec<Value<'a>>),
) -> Value<'a> {
    let items = match eval(array, row, cx) {
        Value::Array(items) => items,
        Value::Null => return Value::Null,
        _ => return cx.fail("a lambda runs over an array", b""),
    };
    let mut out = Vec::new();
    for item in items {
        cx.step();
        if cx.stopped().is_some() || !cx.holds_another(&out) {
            return Value::Null;
        }
        cx.locals.borrow_mut().push(*item);
        visit(*item, &mut out);
        cx.locals.borrow_mut().pop();
    }
    cx.array(&out)
}
