//! JSON functions.

use crate::json::{self, JsonPath, Kind, Node};
use crate::number;
use crate::value::{Value, bigint};

use super::{Call, Function, Param, Prepare, Prepared, plain, returns};

const SOURCE_AND_PATH: &[Param] = &[Param::TextOrJson, Param::Text];
const PATH: Prepare = Prepare::Path(1);

pub(super) const FUNCTIONS: &[Function] = &[
    plain(
        &["json_extract"],
        SOURCE_AND_PATH,
        2,
        returns::json,
        extract,
    )
    .prepares(PATH),
    plain(
        &["json_extract_scalar"],
        SOURCE_AND_PATH,
        2,
        returns::varchar,
        extract_scalar,
    )
    .prepares(PATH),
    plain(&["json_size"], SOURCE_AND_PATH, 2, returns::bigint, size).prepares(PATH),
    plain(
        &["json_array_contains"],
        &[Param::TextOrJson, Param::Any],
        2,
        returns::boolean,
        array_contains,
    ),
    plain(
        &["json_array_length"],
        &[Param::TextOrJson],
        1,
        returns::bigint,
        array_length,
    ),
    plain(&["json_parse"], &[Param::Text], 1, returns::json, parse),
    plain(
        &["json_format"],
        &[Param::Json],
        1,
        returns::varchar,
        format,
    ),
];

/// The first argument as JSON; `Err` is the result when it is none.
fn root<'a>(call: &Call<'a, '_>) -> Result<Node<'a>, Value<'a>> {
    match call.arg(0) {
        Value::Text(bytes) => json::parse(call.cx.read(bytes)).ok_or(Value::Null),
        Value::Json(text) => json::parse(text).ok_or(Value::Null),
        _ => Err(call.mismatch()),
    }
}

/// Follows the path of the call, prepared or not.
fn follow<'a, T>(
    call: &Call<'a, '_>,
    run: impl FnOnce(&JsonPath, Node<'a>) -> T,
) -> Result<T, Value<'a>> {
    if let Prepared::Path(path) = call.prepared {
        return Ok(run(path, root(call)?));
    }
    let Some(text) = call.text(1) else {
        return Err(call.mismatch());
    };
    match JsonPath::parse(text) {
        Ok(path) => Ok(run(&path, root(call)?)),
        Err(reason) => Err(call.cx.fail(reason, text.as_bytes())),
    }
}

fn extract<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let found = follow(call, |path, root| {
        if !path.is_wild() {
            return path
                .find(root)
                .map_or(Value::Null, |node| call.cx.json(node.raw()));
        }
        let mut text = String::from("[");
        let Some(found) = path.find_all(root) else {
            return Value::Null;
        };
        for (at, node) in found.into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            json::compact(node.raw(), &mut text);
        }
        text.push(']');
        if call.cx.fits(text.len()) {
            Value::Json(call.cx.arena.alloc_str(&text))
        } else {
            Value::Null
        }
    });
    found.unwrap_or_else(|value| value)
}

fn extract_scalar<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let found = follow(call, |path, root| {
        if !path.is_wild() {
            return path.find(root);
        }
        // Several values are no scalar.
        match path.find_all(root)?[..] {
            [one] => Some(one),
            _ => None,
        }
    });
    match found {
        Ok(Some(node)) => match node.scalar() {
            Some(std::borrow::Cow::Borrowed(text)) => Value::Text(text.as_bytes()),
            Some(std::borrow::Cow::Owned(text)) => call.cx.text(&text),
            None => Value::Null,
        },
        Ok(None) => Value::Null,
        Err(value) => value,
    }
}

fn size<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let found = follow(call, |path, root| {
        if !path.is_wild() {
            return path.find(root).map(Node::size);
        }
        match path.find_all(root)?[..] {
            [] => None,
            [one] => Some(one.size()),
            ref several => Some(several.len()),
        }
    });
    match found {
        Ok(size) => size.map_or(Value::Null, |size| bigint(size as i64)),
        Err(value) => value,
    }
}

fn array_contains<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let array = match root(call) {
        Ok(node) if node.kind() == Kind::Array => node,
        Ok(_) => return Value::Null,
        Err(value) => return value,
    };
    let wanted = call.arg(1);
    let same = |node: Node<'a>| match (wanted, node.kind()) {
        (Value::Text(text), Kind::Text) => node.decoded().as_bytes() == text,
        (Value::Boolean(flag), Kind::Boolean) => (node.raw() == "true") == flag,
        (Value::Json(text), _) => {
            let mut compact = String::new();
            json::compact(node.raw(), &mut compact);
            compact == text
        }
        (number, Kind::Number) => match number.as_integer() {
            Some(wanted) => number::parse_integer(node.raw().as_bytes()) == Some(wanted),
            // A number written as an integer is none of the doubles.
            None => {
                let wanted = number.as_double();
                node.raw().contains(['.', 'e', 'E'])
                    && wanted.is_some()
                    && number::parse_double(node.raw().as_bytes()) == wanted
            }
        },
        _ => false,
    };
    Value::Boolean(array.elements().any(same))
}

fn array_length<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match root(call) {
        Ok(node) if node.kind() == Kind::Array => bigint(node.size() as i64),
        Ok(_) => Value::Null,
        Err(value) => value,
    }
}

fn parse<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match (call.arg(0), root(call)) {
        (_, Ok(node)) => call.cx.json(node.raw()),
        (Value::Text(bytes), Err(_)) => call.cx.fail("not JSON", bytes),
        (_, Err(value)) => value,
    }
}

fn format<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Json(text) => Value::Text(text.as_bytes()),
        _ => call.mismatch(),
    }
}
