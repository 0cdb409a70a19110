//! Array and map functions.

use std::cmp::Ordering;

use crate::cast;
use crate::types::Type;
use crate::value::{Value, bigint};

use super::{Call, Function, Param, plain, returns};

const ARRAY: &[Param] = &[Param::Array];
const MAP: &[Param] = &[Param::Map];

pub(super) const FUNCTIONS: &[Function] = &[
    plain(
        &["cardinality"],
        &[Param::ArrayOrMap],
        1,
        returns::bigint,
        cardinality,
    ),
    plain(
        &["element_at"],
        &[Param::ArrayOrMap, Param::Index],
        2,
        returns::item,
        element_at,
    ),
    plain(
        &["contains"],
        &[Param::Array, Param::Item],
        2,
        returns::boolean,
        contains,
    ),
    plain(
        &["array_position"],
        &[Param::Array, Param::Item],
        2,
        returns::bigint,
        position,
    ),
    plain(
        &["array_join"],
        &[Param::Array, Param::Text, Param::Text],
        2,
        returns::varchar,
        join,
    ),
    plain(&["array_distinct"], ARRAY, 1, returns::first, distinct),
    plain(&["array_sort"], &[Param::Array], 1, returns::first, sort),
    plain(&["array_max"], ARRAY, 1, returns::item, max),
    plain(&["array_min"], ARRAY, 1, returns::item, min),
    plain(
        &["slice"],
        &[Param::Array, Param::Integer, Param::Integer],
        3,
        returns::first,
        slice,
    ),
    plain(&["map"], &[Param::Array, Param::Array], 0, map_type, map),
    plain(&["map_keys"], MAP, 1, keys_type, map_keys),
    plain(&["map_values"], MAP, 1, values_type, map_values),
];

fn map_type(args: &[Type]) -> Type {
    let item = |at: usize| match args.get(at) {
        Some(Type::Array(item)) => item.clone(),
        Some(_) => Box::new(Type::Any),
        None => Box::new(Type::Null),
    };
    Type::Map(item(0), item(1))
}

fn keys_type(args: &[Type]) -> Type {
    match args.first() {
        Some(Type::Map(key, _)) => Type::Array(key.clone()),
        _ => Type::Any,
    }
}

fn values_type(args: &[Type]) -> Type {
    match args.first() {
        Some(Type::Map(_, value)) => Type::Array(value.clone()),
        _ => Type::Any,
    }
}

fn items<'a>(call: &Call<'a, '_>, at: usize) -> Result<&'a [Value<'a>], Value<'a>> {
    match call.arg(at) {
        Value::Array(items) => Ok(items),
        _ => Err(call.mismatch()),
    }
}

fn with<'a>(call: &Call<'a, '_>, run: impl FnOnce(&'a [Value<'a>]) -> Value<'a>) -> Value<'a> {
    match items(call, 0) {
        Ok(items) => run(items),
        Err(value) => value,
    }
}

fn cardinality<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Array(items) => bigint(items.len() as i64),
        Value::Map(entries) => bigint(entries.len() as i64),
        _ => call.mismatch(),
    }
}

fn element_at<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Array(items) => {
            let Some(index) = call.integer(1) else {
                return call.mismatch();
            };
            let place = match index {
                0 => return call.fail("array positions start at 1"),
                1.. => usize::try_from(index - 1).ok(),
                // Counted from the end.
                _ => usize::try_from(index.unsigned_abs())
                    .ok()
                    .and_then(|back| items.len().checked_sub(back)),
            };
            place
                .and_then(|place| items.get(place))
                .copied()
                .unwrap_or(Value::Null)
        }
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.equals(call.arg(1)) == Some(true))
            .map_or(Value::Null, |(_, value)| *value),
        _ => call.mismatch(),
    }
}

fn contains<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |items| {
        let wanted = call.arg(1);
        if items.iter().any(|item| item.equals(wanted) == Some(true)) {
            Value::Boolean(true)
        } else if items.iter().any(|item| item.is_null()) {
            Value::Null
        } else {
            Value::Boolean(false)
        }
    })
}

fn position<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |items| {
        let wanted = call.arg(1);
        let place = items
            .iter()
            .position(|item| item.equals(wanted) == Some(true));
        bigint(place.map_or(0, |place| place as i64 + 1))
    })
}

/// Nulls are left out, or written as the third argument.
fn join<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Some(delimiter) = call.text(1) else {
        return call.mismatch();
    };
    let for_null = match call.args.len() {
        2 => None,
        _ => match call.text(2) {
            Some(text) => Some(text),
            None => return call.mismatch(),
        },
    };
    with(call, |items| {
        let mut out: Vec<u8> = Vec::new();
        let mut first = true;
        for item in items {
            let text = match (cast::to_text(*item, call.cx), for_null) {
                (Value::Text(bytes), _) => bytes,
                (_, Some(text)) => text.as_bytes(),
                (_, None) => continue,
            };
            if !call.cx.fits(out.len() + delimiter.len() + text.len()) {
                return Value::Null;
            }
            if !first {
                out.extend_from_slice(delimiter.as_bytes());
            }
            first = false;
            out.extend_from_slice(text);
        }
        Value::Text(call.cx.arena.alloc_slice_copy(&out))
    })
}

fn sorted<'a>(items: &[Value<'a>]) -> Vec<Value<'a>> {
    let mut sorted = items.to_vec();
    sorted.sort_by(|a, b| a.total_order(*b));
    sorted
}

fn distinct<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |items| {
        // Sorting places finds repetitions without comparing every pair.
        let mut places: Vec<usize> = (0..items.len()).collect();
        places.sort_by(|a, b| items[*a].total_order(items[*b]).then(a.cmp(b)));
        places.dedup_by(|later, first| items[*later].total_order(items[*first]).is_eq());
        places.sort_unstable();
        let kept: Vec<Value<'a>> = places.into_iter().map(|place| items[place]).collect();
        call.cx.array(&kept)
    })
}

fn sort<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |items| call.cx.array(&sorted(items)))
}

fn max<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |items| extreme(items, true))
}

fn min<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |items| extreme(items, false))
}

/// Null when there is no item or one of them is null.
fn extreme<'a>(items: &[Value<'a>], largest: bool) -> Value<'a> {
    if items.iter().any(|item| item.is_null()) {
        return Value::Null;
    }
    let better = if largest {
        Ordering::Greater
    } else {
        Ordering::Less
    };
    // Of equal items, such as the two zeros, the first.
    let items = items.iter().copied();
    let found = items.reduce(|best, item| {
        if item.total_order(best) == better {
            item
        } else {
            best
        }
    });
    found.unwrap_or(Value::Null)
}

fn slice<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(start), Some(length)) = (call.integer(1), call.integer(2)) else {
        return call.mismatch();
    };
    if start == 0 {
        return call.fail("array positions start at 1");
    }
    with(call, |items| {
        let first = if start > 0 {
            usize::try_from(start - 1).ok()
        } else {
            usize::try_from(start.unsigned_abs())
                .ok()
                .and_then(|back| items.len().checked_sub(back))
        };
        let rest = first.and_then(|first| items.get(first..));
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
            return Value::Array(&[]);
        };
        if length < 0 {
            return call.fail("slice has no negative length");
        }
        let length = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(rest.len());
        Value::Array(&rest[..length])
    })
}

fn map<'a>(call: &Call<'a, '_>) -> Value<'a> {
    if call.args.is_empty() {
        return Value::Map(&[]);
    }
    let (keys, values) = match (items(call, 0), items(call, 1)) {
        (Ok(keys), Ok(values)) => (keys, values),
        (Err(value), _) | (_, Err(value)) => return value,
    };
    if keys.len() != values.len() {
        return call.fail("the keys and values of map differ in number");
    }
    if keys.iter().any(|key| key.is_null()) {
        return call.fail("a key of map is null");
    }
    let ordered = sorted(keys);
    if ordered
        .windows(2)
        .any(|pair| pair[0].total_order(pair[1]).is_eq())
    {
        return call.fail("a key of map appears twice");
    }
    let entries: Vec<_> = keys.iter().copied().zip(values.iter().copied()).collect();
    call.cx.map(&entries)
}

fn map_keys<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Map(entries) => {
            let keys: Vec<Value<'a>> = entries.iter().map(|(key, _)| *key).collect();
            call.cx.array(&keys)
        }
        _ => call.mismatch(),
    }
}

fn map_values<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Map(entries) => {
            let values: Vec<Value<'a>> = entries.iter().map(|(_, value)| *value).collect();
            call.cx.array(&values)
        }
        _ => call.mismatch(),
    }
}
