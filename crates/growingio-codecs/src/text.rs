//! The one text of a value, written in pieces so that no list or map needs a string of its own.

use crate::number::{with_double, with_integer};
use crate::record::{AttributeValue, Attributes};

/// Between the elements of a list.
const SEPARATOR: &str = "||";

/// Lists and maps inside each other; what is deeper counts as null.
pub(crate) const MAX_DEPTH: usize = 32;

/// Takes a text in pieces.
pub(crate) trait Pieces {
    fn piece(&mut self, text: &str);
}

impl Pieces for String {
    fn piece(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Pieces for Vec<u8> {
    #[inline]
    fn piece(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

/// Counts characters.
#[derive(Debug, Default)]
pub(crate) struct Characters(pub(crate) usize);

impl Pieces for Characters {
    fn piece(&mut self, text: &str) {
        self.0 += text.chars().count();
    }
}

/// Writes the text of a value; nothing for null.
pub(crate) fn write(value: &AttributeValue<'_>, to: &mut impl Pieces) {
    match value {
        AttributeValue::Text(text) => to.piece(text),
        AttributeValue::List(values) => {
            let mut first = true;
            for value in values.iter().filter(|value| !is_dropped(value)) {
                if !first {
                    to.piece(SEPARATOR);
                }
                first = false;
                match value {
                    AttributeValue::List(_) => json(value, to, MAX_DEPTH),
                    value => write(value, to),
                }
            }
        }
        AttributeValue::Map(pairs) => json_map(pairs, to, MAX_DEPTH),
        scalar if scalar.is_null() => {}
        scalar => self::scalar(scalar, to),
    }
}

/// Whether a list leaves the element out.
fn is_dropped(element: &AttributeValue<'_>) -> bool {
    match element {
        AttributeValue::Text(text) => text.is_empty(),
        value => value.is_null(),
    }
}

#[inline]
fn scalar(value: &AttributeValue<'_>, to: &mut impl Pieces) {
    match value {
        AttributeValue::Bool(true) => to.piece("true"),
        AttributeValue::Bool(false) => to.piece("false"),
        AttributeValue::Integer(value) => with_integer(*value, |text| to.piece(text)),
        AttributeValue::Double(value) if value.is_finite() => {
            with_double(*value, |text| to.piece(text));
        }
        _ => to.piece("null"),
    }
}

/// JSON inside a text: it keeps characters as they are where JSON allows it, for the body
/// around it escapes them once more.
fn json(value: &AttributeValue<'_>, to: &mut impl Pieces, depth: usize) {
    match value {
        AttributeValue::Text(text) => quoted(text, to),
        AttributeValue::List(values) => {
            let Some(depth) = depth.checked_sub(1) else {
                return to.piece("null");
            };
            to.piece("[");
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    to.piece(",");
                }
                json(value, to, depth);
            }
            to.piece("]");
        }
        AttributeValue::Map(pairs) => json_map(pairs, to, depth),
        value => scalar(value, to),
    }
}

fn json_map(pairs: &Attributes<'_>, to: &mut impl Pieces, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return to.piece("null");
    };
    to.piece("{");
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            to.piece(",");
        }
        quoted(key, to);
        to.piece(":");
        json(value, to, depth);
    }
    to.piece("}");
}

fn quoted(text: &str, to: &mut impl Pieces) {
    to.piece("\"");
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        to.piece(&rest[..at]);
        let byte = rest.as_bytes()[at];
        match byte {
            b'"' => to.piece("\\\""),
            b'\\' => to.piece("\\\\"),
            control => {
                const HEX: &str = "0123456789abcdef";
                let low = usize::from(control & 15);
                to.piece(if control < 16 { "\\u000" } else { "\\u001" });
                to.piece(&HEX[low..=low]);
            }
        }
        rest = &rest[at + 1..];
    }
    to.piece(rest);
    to.piece("\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<'a>(value: impl Into<AttributeValue<'a>>, want: &str) {
        let mut text = String::new();
        write(&value.into(), &mut text);
        assert_eq!(text, want);
    }

    #[test]
    fn a_list_drops_null_and_empty_and_keeps_zero_and_false() {
        check(["a", "", "b"], "a||b");
        check(vec![Some(0), None, Some(2)], "0||2");
        check([0.0, 1.0], "0.0||1.0");
        check([false, true], "false||true");
        check([" ", "\t"], " ||\t");
        check(["", ""], "");
        check(Vec::<&str>::new(), "");
    }

    #[test]
    fn a_separator_inside_an_element_is_not_escaped() {
        check(["a||b", "c"], "a||b||c");
    }

    #[test]
    fn a_map_is_json_text() {
        check(
            Attributes::new().with("中", "a\"\\\n").with("n", 1.0),
            "{\"中\":\"a\\\"\\\\\\u000a\",\"n\":1.0}",
        );
    }

    #[test]
    fn lists_and_maps_inside_a_list_are_json_text() {
        let map = Attributes::new().with("k", AttributeValue::Null);
        let list: [AttributeValue<'_>; 3] = [["a", ""].into(), map.into(), 1.into()];
        check(list, "[\"a\",\"\"]||{\"k\":null}||1");
    }

    #[test]
    fn what_is_nested_too_deeply_is_null() {
        let mut value = AttributeValue::from(1);
        for _ in 0..100 {
            value = vec![value].into();
        }
        let mut text = String::new();
        write(&value, &mut text);
        let brackets = MAX_DEPTH;
        let want = format!("{}null{}", "[".repeat(brackets), "]".repeat(brackets));
        assert_eq!(text, want);
    }
}
