//! Regular expression functions.

use std::sync::Arc;

use regex::bytes::{Captures, Regex};

use crate::eval::MAX_VALUE;
use crate::value::Value;

use super::{Call, Function, Param, Prepare, Prepared, plain, returns};

const PATTERN: Prepare = Prepare::Regex(1);

pub(super) const FUNCTIONS: &[Function] = &[
    plain(
        &["regexp_like"],
        &[Param::Text, Param::Text],
        2,
        returns::boolean,
        like,
    )
    .prepares(PATTERN),
    plain(
        &["regexp_extract"],
        &[Param::Text, Param::Text, Param::Integer],
        2,
        returns::varchar,
        extract,
    )
    .prepares(PATTERN),
    plain(
        &["regexp_extract_all"],
        &[Param::Text, Param::Text, Param::Integer],
        2,
        returns::texts,
        extract_all,
    )
    .prepares(PATTERN),
    plain(
        &["regexp_split"],
        &[Param::Text, Param::Text],
        2,
        returns::texts,
        split,
    )
    .prepares(PATTERN),
    plain(
        &["regexp_replace"],
        &[Param::Text, Param::Text, Param::Text],
        2,
        returns::varchar,
        replace,
    )
    .prepares(PATTERN),
];

/// The text and the pattern of a call; `Err` holds the result when there is none.
fn subject<'a>(call: &Call<'a, '_>) -> Result<(&'a str, Arc<Regex>), Value<'a>> {
    let Some(text) = call.text(0) else {
        return Err(call.mismatch());
    };
    if let Prepared::Regex(regex) = call.prepared {
        return Ok((text, Arc::clone(regex)));
    }
    let Value::Text(pattern) = call.arg(1) else {
        return Err(call.mismatch());
    };
    match call.cx.pattern(pattern) {
        Some(regex) => Ok((text, regex)),
        None => Err(call.cx.fail("not a regular expression", pattern)),
    }
}

/// The group a call asks for, 0 when it names none.
fn group<'a>(call: &Call<'a, '_>, regex: &Regex) -> Result<usize, Value<'a>> {
    if call.args.len() < 3 {
        return Ok(0);
    }
    let Some(group) = call.integer(2) else {
        return Err(call.mismatch());
    };
    usize::try_from(group)
        .ok()
        .filter(|group| *group < regex.captures_len())
        .ok_or_else(|| call.fail("the pattern has no such group"))
}

fn like<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match subject(call) {
        Ok((text, regex)) => Value::Boolean(regex.is_match(text.as_bytes())),
        Err(value) => value,
    }
}

fn extract<'a>(call: &Call<'a, '_>) -> Value<'a> {
    try_extract(call).unwrap_or_else(|value| value)
}

fn try_extract<'a>(call: &Call<'a, '_>) -> Result<Value<'a>, Value<'a>> {
    let (text, regex) = subject(call)?;
    let group = group(call, &regex)?;
    let text = text.as_bytes();
    let found = if group == 0 {
        regex.find(text)
    } else {
        regex
            .captures(text)
            .and_then(|captures| captures.get(group))
    };
    Ok(found.map_or(Value::Null, |found| Value::Text(&text[found.range()])))
}

fn extract_all<'a>(call: &Call<'a, '_>) -> Value<'a> {
    try_extract_all(call).unwrap_or_else(|value| value)
}

fn try_extract_all<'a>(call: &Call<'a, '_>) -> Result<Value<'a>, Value<'a>> {
    let (text, regex) = subject(call)?;
    let group = group(call, &regex)?;
    let text = text.as_bytes();
    let mut all = Vec::new();
    let mut from = 0;
    // Not `captures_iter`, which leaves out an empty match right after another one.
    while let Some(captures) = regex.captures_at(text, from) {
        if !searches(call, text, from) || !call.cx.holds_another(&all) {
            return Err(Value::Null);
        }
        all.push(match captures.get(group) {
            Some(found) => Value::Text(&text[found.range()]),
            None => Value::Null,
        });
        let Some(whole) = captures.get(0) else {
            break;
        };
        from = whole.end() + usize::from(whole.is_empty());
        if from > text.len() {
            break;
        }
    }
    Ok(call.cx.array(&all))
}

/// Counts one search of many; `false` when the run must end.
///
/// A search may read all that is left to find a short match, and so may the next one.
fn searches(call: &Call<'_, '_>, text: &[u8], from: usize) -> bool {
    call.cx.work(text.len().saturating_sub(from))
}

fn split<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match subject(call) {
        Ok((text, regex)) => {
            let text = text.as_bytes();
            let mut parts = Vec::new();
            let mut from = 0;
            for found in regex.find_iter(text) {
                if !searches(call, text, from) || !call.cx.holds_another(&parts) {
                    return Value::Null;
                }
                parts.push(Value::Text(&text[from..found.start()]));
                from = found.end();
            }
            parts.push(Value::Text(&text[from..]));
            call.cx.array(&parts)
        }
        Err(value) => value,
    }
}

fn replace<'a>(call: &Call<'a, '_>) -> Value<'a> {
    try_replace(call).unwrap_or_else(|value| value)
}

fn try_replace<'a>(call: &Call<'a, '_>) -> Result<Value<'a>, Value<'a>> {
    let (text, regex) = subject(call)?;
    let with = match call.args.len() {
        2 => "",
        _ => call.text(2).ok_or_else(|| call.mismatch())?,
    };
    let Some(template) = Template::new(with, &regex) else {
        return Err(call
            .cx
            .fail("the replacement names an unknown group", with.as_bytes()));
    };
    let text = text.as_bytes();
    let mut out: Vec<u8> = Vec::new();
    let mut from = 0;
    for captures in regex.captures_iter(text) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        if !searches(call, text, from) {
            return Err(Value::Null);
        }
        out.extend_from_slice(&text[from..found.start()]);
        template.write(&captures, &mut out);
        from = found.end();
        if out.len() > MAX_VALUE {
            return Err(call.fail("the result is too large"));
        }
    }
    if from == 0 && out.is_empty() {
        return Ok(Value::Text(text));
    }
    out.extend_from_slice(&text[from..]);
    if !call.cx.fits(out.len()) {
        return Err(Value::Null);
    }
    Ok(Value::Text(call.cx.arena.alloc_slice_copy(&out)))
}

/// What a match is replaced with.
struct Template<'t> {
    parts: Vec<Part<'t>>,
}

enum Part<'t> {
    Text(&'t str),
    Group(usize),
}

impl<'t> Template<'t> {
    /// Reads `\1`, `$1` and `${name}`; `\` before another character stands for that character.
    ///
    /// A number the pattern has no group for stands for nothing.
    /// `None` when it names a group the pattern does not have.
    fn new(text: &'t str, regex: &Regex) -> Option<Self> {
        let groups = regex.captures_len();
        let mut parts = Vec::new();
        let mut rest = text;
        // Looked up once: a text of nothing but "${" would be read to its end at each of them.
        let last_brace = text.rfind('}').unwrap_or(0);
        while let Some(at) = rest.find(['\\', '$']) {
            parts.push(Part::Text(&rest[..at]));
            let mark = &rest[at..at + 1];
            let after = &rest[at + 1..];
            let next = after.bytes().next();
            rest = match (mark, next) {
                ("\\", Some(digit @ b'0'..=b'9')) => {
                    parts.push(Part::Group(usize::from(digit - b'0')));
                    &after[1..]
                }
                ("\\", Some(b'\\' | b'$')) => {
                    parts.push(Part::Text(&after[..1]));
                    &after[1..]
                }
                ("\\", _) => after,
                ("$", Some(b'0'..=b'9')) => {
                    let (group, used) = longest_group(after, groups);
                    parts.push(Part::Group(group));
                    &after[used..]
                }
                ("$", Some(b'{')) if text.len() - after.len() < last_brace => {
                    let (name, tail) = after[1..].split_once('}')?;
                    let group = regex.capture_names().position(|n| n == Some(name))?;
                    parts.push(Part::Group(group));
                    tail
                }
                _ => {
                    parts.push(Part::Text(mark));
                    after
                }
            };
        }
        parts.push(Part::Text(rest));
        Some(Self { parts })
    }

    fn write(&self, captures: &Captures<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Group(group) => {
                    if let Some(found) = captures.get(*group) {
                        out.extend_from_slice(found.as_bytes());
                    }
                }
            }
        }
    }
}

/// The longest run of digits that is a group, at least one digit.
fn longest_group(digits: &str, groups: usize) -> (usize, usize) {
    let mut group = 0;
    let mut used = 0;
    for byte in digits.bytes().take_while(u8::is_ascii_digit) {
        let longer = group * 10 + usize::from(byte - b'0');
        if used > 0 && longer >= groups {
            break;
        }
        group = longer;
        used += 1;
    }
    (group, used)
}
