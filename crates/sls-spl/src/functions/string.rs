//! Text functions; positions and lengths count code points.

use crate::eval::{Context, MAX_VALUE};
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
    if delimiter.is_empty() {
        call.cx.collect(characters(text, limit))
    } else {
        call.cx.collect(text.splitn(limit, delimiter).map(part))
    }
}

/// Each character, then what is left when the limit is reached: nothing when it is not.
fn characters(text: &str, limit: usize) -> impl Iterator<Item = Value<'_>> {
    let mut chars = text.chars();
    let mut given = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        given += 1;
        let rest = chars.as_str();
        let next = (given < limit).then(|| chars.next()).flatten();
        ended = next.is_none();
        Some(part(next.map_or(rest, |c| &rest[..c.len_utf8()])))
    })
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
        if !call.cx.holds_another(&entries) {
            return Value::Null;
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
    let found = match instance {
        1 => text.find(search),
        _ => nth_place(text.as_bytes(), search.as_bytes(), instance, call.cx),
    };
    match found {
        Some(at) => bigint(text[..at].chars().count() as i64 + 1),
        None if call.cx.stopped().is_some() => Value::Null,
        None => bigint(0),
    }
}

/// Where `search` stands for the n-th time, when its places may overlap.
///
/// Reads every byte once, after Knuth, Morris and Pratt: looking anew from each place takes time
/// by the product of the lengths. In UTF-8 a place of the bytes is one of the characters.
fn nth_place(text: &[u8], search: &[u8], instance: usize, cx: &Context<'_>) -> Option<usize> {
    if search.len() > text.len() || instance > text.len() - search.len() + 1 {
        return None;
    }
    if !cx.fits(search.len().saturating_mul(size_of::<u32>()).min(MAX_VALUE)) {
        return None;
    }
    // For each start of `search`, the longest other start of it that this one ends with.
    let mut fallback: Vec<u32> = vec![0; search.len()];
    let mut have = 0;
    for at in 1..search.len() {
        while have > 0 && search[at] != search[have] {
            have = fallback[have - 1] as usize;
        }
        have += usize::from(search[at] == search[have]);
        fallback[at] = have as u32;
    }
    let mut left = instance;
    let mut have = 0;
    for (at, byte) in text.iter().enumerate() {
        while have > 0 && *byte != search[have] {
            have = fallback[have - 1] as usize;
        }
        have += usize::from(*byte == search[have]);
        if have == search.len() {
            left -= 1;
            if left == 0 {
                return Some(at + 1 - search.len());
            }
            have = fallback[have - 1] as usize;
        }
    }
    None
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
