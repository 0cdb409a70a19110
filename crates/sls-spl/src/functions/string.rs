//! Text functions; positions and lengths count code points.

use crate::eval::MAX_VALUE;
use crate::value::{Value, bigint};

use super::{Call, Function, Param, plain, returns};

/// Longest result of `lpad` and `rpad`, in code points.
const MAX_PADDED: i64 = 1 << 20;

pub(super) const FUNCTIONS: &[Function] = &[
    plain(&["chr"], &[Param::Integer], 1, returns::varchar, chr),
    plain(
        &["codepoint"],
        &[Param::Text],
        1,
        returns::bigint,
        codepoint,
    ),
    plain(
        &["concat"],
        &[Param::Text, Param::Text],
        2,
        returns::varchar,
        concat,
    )
    .repeating(),
    plain(
        &["length"],
        &[Param::TextOrBinary],
        1,
        returns::bigint,
        length,
    ),
    plain(&["lower"], &[Param::Text], 1, returns::varchar, lower),
    plain(&["upper"], &[Param::Text], 1, returns::varchar, upper),
    plain(&["reverse"], &[Param::Text], 1, returns::varchar, reverse),
    plain(&["trim"], &[Param::Text], 1, returns::varchar, trim),
    plain(&["ltrim"], &[Param::Text], 1, returns::varchar, ltrim),
    plain(&["rtrim"], &[Param::Text], 1, returns::varchar, rtrim),
    plain(
        &["lpad"],
        &[Param::Text, Param::Integer, Param::Text],
        3,
        returns::varchar,
        lpad,
    ),
    plain(
        &["rpad"],
        &[Param::Text, Param::Integer, Param::Text],
        3,
        returns::varchar,
        rpad,
    ),
    plain(
        &["replace"],
        &[Param::Text, Param::Text, Param::Text],
        2,
        returns::varchar,
        replace,
    ),
    plain(
        &["split"],
        &[Param::Text, Param::Text, Param::Integer],
        2,
        returns::texts,
        split,
    ),
    plain(
        &["split_part"],
        &[Param::Text, Param::Text, Param::Integer],
        3,
        returns::varchar,
        split_part,
    ),
    plain(
        &["split_to_map"],
        &[Param::Text, Param::Text, Param::Text],
        3,
        text_map,
        split_to_map,
    ),
    plain(
        &["strpos"],
        &[Param::Text, Param::Text, Param::Integer],
        2,
        returns::bigint,
        strpos,
    ),
    plain(
        &["substr", "substring"],
        &[Param::Text, Param::Integer, Param::Integer],
        2,
        returns::varchar,
        substr,
    ),
    plain(
        &["starts_with"],
        &[Param::Text, Param::Text],
        2,
        returns::boolean,
        starts_with,
    ),
    plain(
        &["ends_with"],
        &[Param::Text, Param::Text],
        2,
        returns::boolean,
        ends_with,
    ),
];

fn text_map(_: &[crate::types::Type]) -> crate::types::Type {
    use crate::types::Type;
    Type::Map(Box::new(Type::Varchar), Box::new(Type::Varchar))
}

/// A result that is part of an argument and needs no copy.
fn part<'a>(text: &'a str) -> Value<'a> {
    Value::Text(text.as_bytes())
}

fn chr<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Some(code) = call.integer(0) else {
        return call.mismatch();
    };
    match u32::try_from(code).ok().and_then(char::from_u32) {
        Some(c) => call.cx.text(c.encode_utf8(&mut [0; 4])),
        None => call.fail("the number is not a code point"),
    }
}

fn codepoint<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Some(text) = call.text(0) else {
        return call.mismatch();
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => bigint(i64::from(u32::from(c))),
        _ => call.fail("codepoint needs one character"),
    }
}

fn concat<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let mut total = 0;
    for arg in call.args {
        match arg {
            Value::Text(bytes) => total += bytes.len(),
            _ => return call.mismatch(),
        }
    }
    if !call.cx.fits(total) {
        return Value::Null;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(total, call.cx.arena);
    for arg in call.args {
        if let Value::Text(bytes) = arg {
            out.extend_from_slice(bytes);
        }
    }
    Value::Text(out.into_bump_slice())
}

fn length<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let length = match call.arg(0) {
        Value::Binary(bytes) => bytes.len(),
        Value::Text(bytes) => call.cx.read(bytes).chars().count(),
        _ => return call.mismatch(),
    };
    bigint(length as i64)
}

fn lower<'a>(call: &Call<'a, '_>) -> Value<'a> {
    map_case(call, |c| match c {
        // Its full mapping adds a combining dot.
        'İ' => 'i',
        c => single(c, c.to_lowercase()),
    })
}

fn upper<'a>(call: &Call<'a, '_>) -> Value<'a> {
    map_case(call, |c| match c {
        // Greek with iota: the full mapping writes the iota apart, the simple one does not.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        c => single(c, c.to_uppercase()),
    })
}

/// The mapped character when there is exactly one, as the simple mappings of Unicode have it.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn map_case<'a>(call: &Call<'a, '_>, map: impl Fn(char) -> char) -> Value<'a> {
    match call.text(0) {
        Some(text) => {
            let mapped: String = text.chars().map(map).collect();
            call.cx.text(&mapped)
        }
        None => call.mismatch(),
    }
}

fn reverse<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.text(0) {
        Some(text) => call.cx.text(&text.chars().rev().collect::<String>()),
        None => call.mismatch(),
    }
}

/// White space of Unicode but for the blanks that do not break a line, and four separators of
/// ASCII.
fn is_blank(c: char) -> bool {
    match c {
        '\u{1c}'..='\u{1f}' => true,
        '\u{85}' | '\u{a0}' | '\u{2007}' | '\u{202f}' => false,
        c => c.is_whitespace(),
    }
}

fn trim<'a>(call: &Call<'a, '_>) -> Value<'a> {
    call.text(0)
        .map_or_else(|| call.mismatch(), |text| part(text.trim_matches(is_blank)))
}

fn ltrim<'a>(call: &Call<'a, '_>) -> Value<'a> {
    call.text(0).map_or_else(
        || call.mismatch(),
        |text| part(text.trim_start_matches(is_blank)),
    )
}

fn rtrim<'a>(call: &Call<'a, '_>) -> Value<'a> {
    call.text(0).map_or_else(
        || call.mismatch(),
        |text| part(text.trim_end_matches(is_blank)),
    )
}

fn lpad<'a>(call: &Call<'a, '_>) -> Value<'a> {
    pad(call, true)
}

fn rpad<'a>(call: &Call<'a, '_>) -> Value<'a> {
    pad(call, false)
}

fn pad<'a>(call: &Call<'a, '_>, left: bool) -> Value<'a> {
    let (Some(text), Some(size), Some(padding)) = (call.text(0), call.integer(1), call.text(2))
    else {
        return call.mismatch();
    };
    if !(0..=MAX_PADDED).contains(&size) {
        return call.fail("the padded length is out of range");
    }
    if padding.is_empty() {
        return call.fail("the padding is empty");
    }
    let size = usize::try_from(size).unwrap_or_default();
    let have = text.chars().count();
    if have >= size {
        return part(first_chars(text, size));
    }
    let fill: String = padding.chars().cycle().take(size - have).collect();
    call.cx.text(&if left {
        fill + text
    } else {
        format!("{text}{fill}")
    })
}

fn first_chars(text: &str, count: usize) -> &str {
    text.char_indices()
        .nth(count)
        .map_or(text, |(at, _)| &text[..at])
}

fn replace<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(text), Some(search)) = (call.text(0), call.text(1)) else {
        return call.mismatch();
    };
    let with = match call.args.len() {
        2 => "",
        _ => match call.text(2) {
            Some(with) => with,
            None => return call.mismatch(),
        },
    };
    let times = if search.is_empty() {
        text.chars().count() + 1
    } else {
        text.matches(search).count()
    };
    if times == 0 {
        return part(text);
    }
    let size = text.len().saturating_add(times.saturating_mul(with.len()));
    // Counting first keeps a short text from being blown up before the size is known.
    if size > MAX_VALUE + times.saturating_mul(search.len()) || !call.cx.fits(size.min(MAX_VALUE)) {
        return call.fail("the result is too large");
    }
    call.cx.text(&text.replace(search, with))
}

fn split<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(text), Some(delimiter)) = (call.text(0), call.text(1)) else {
        return call.mismatch();
    };
    let limit = if call.args.len() < 3 {
        usize::MAX
    } else {
        match call.integer(2) {
            Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(usize::MAX),
            Some(_) => return call.fail("the limit of split is not positive"),
            None => return call.mismatch(),
        }
    };
    let parts: Vec<Value<'a>> = if delimiter.is_empty() {
        characters(text, limit)
    } else {
        text.splitn(limit, delimiter).map(part).collect()
    };
    call.cx.array(&parts)
}

/// Each character, then what is left when the limit is reached: nothing when it is not.
fn characters(text: &str, limit: usize) -> Vec<Value<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == limit {
            break;
        }
        let (first, after) = rest.split_at(c.len_utf8());
        parts.push(part(first));
        rest = after;
    }
    parts.push(part(rest));
    parts
}

fn split_part<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(text), Some(delimiter), Some(index)) = (call.text(0), call.text(1), call.integer(2))
    else {
        return call.mismatch();
    };
    if index < 1 {
        return call.fail("the index of split_part is less than 1");
    }
    let place = usize::try_from(index - 1).unwrap_or(usize::MAX);
    if delimiter.is_empty() {
        // Every character is a part of its own.
        let mut chars = text.char_indices().skip(place);
        return chars
            .next()
            .map_or(Value::Null, |(at, c)| part(&text[at..at + c.len_utf8()]));
    }
    text.split(delimiter).nth(place).map_or(Value::Null, part)
}

fn split_to_map<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(text), Some(delimiter), Some(separator)) = (call.text(0), call.text(1), call.text(2))
    else {
        return call.mismatch();
    };
    if delimiter.is_empty() || separator.is_empty() || delimiter == separator {
        return call.fail("the delimiters of split_to_map are empty or equal");
    }
    let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    // Empty text has no entry, and a delimiter at the end opens none.
    let filled = (!text.is_empty()).then(|| text.strip_suffix(delimiter).unwrap_or(text));
    for entry in filled.into_iter().flat_map(|text| text.split(delimiter)) {
        let Some((key, value)) = entry.split_once(separator) else {
            return call.fail("an entry of split_to_map has no separator");
        };
        if value.contains(separator) {
            return call.fail("an entry of split_to_map has two separators");
        }
        if !seen.insert(key) {
            return call.fail("split_to_map found a key twice");
        }
        entries.push((part(key), part(value)));
    }
    call.cx.map(&entries)
}

fn strpos<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(text), Some(search)) = (call.text(0), call.text(1)) else {
        return call.mismatch();
    };
    let instance = if call.args.len() < 3 {
        1
    } else {
        match call.integer(2) {
            Some(instance) if instance > 0 => usize::try_from(instance).unwrap_or(usize::MAX),
            Some(_) => return call.fail("the instance of strpos is not positive"),
            None => return call.mismatch(),
        }
    };
    if search.is_empty() {
        return bigint(1);
    }
    let mut from = 0;
    for _ in 1..instance {
        // Instances may overlap: the next one starts one character later.
        let Some(at) = text[from..].find(search) else {
            return bigint(0);
        };
        let step = text[from + at..].chars().next().map_or(1, char::len_utf8);
        from += at + step;
    }
    match text[from..].find(search) {
        Some(at) => bigint(text[..from + at].chars().count() as i64 + 1),
        None => bigint(0),
    }
}

fn substr<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(text), Some(start)) = (call.text(0), call.integer(1)) else {
        return call.mismatch();
    };
    let length = if call.args.len() < 3 {
        i64::MAX
    } else {
        match call.integer(2) {
            Some(length) => length,
            None => return call.mismatch(),
        }
    };
    let count = text.chars().count() as i64;
    let first = match start {
        1.. => start - 1,
        0 => return part(""),
        _ => count.saturating_add(start),
    };
    if first < 0 || first >= count || length <= 0 {
        return part("");
    }
    let skip = usize::try_from(first).unwrap_or(usize::MAX);
    let rest = &text[first_chars(text, skip).len()..];
    part(first_chars(
        rest,
        usize::try_from(length).unwrap_or(usize::MAX),
    ))
}

fn starts_with<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match (call.text(0), call.text(1)) {
        (Some(text), Some(start)) => Value::Boolean(text.starts_with(start)),
        _ => call.mismatch(),
    }
}

fn ends_with<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match (call.text(0), call.text(1)) {
        (Some(text), Some(end)) => Value::Boolean(text.ends_with(end)),
        _ => call.mismatch(),
    }
}
