use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{DEEPEST, Key, Node, Text, Value};
use crate::config::problem::Fault;

/// Reads JSON.
///
/// # Errors
/// The first thing in it that is not JSON, or is nested deeper than [`DEEPEST`], or a key
/// that is there twice.
pub(crate) fn parse_json(text: &str) -> Result<Node, Fault> {
    // Everything is checked at once: later the library sees parts, and would count from
    // the start of each.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        // The category alone: a message of the library may show what it found.
        let what = if error.is_eof() {
            "not JSON: it ends too early"
        } else {
            "not JSON: something else is expected here"
        };
        Fault::new(byte_of(text, error.line(), error.column()), what)
    })?;
    let reader = Reader { text };
    let raw = serde_json::from_str::<&RawValue>(text).map_err(|_| unreadable(0))?;
    reader.node(raw, 1)
}

/// The byte of the library's place, whose columns are bytes from one.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let earlier = text.split_inclusive('\n').take(line.saturating_sub(1));
    earlier.map(str::len).sum::<usize>() + column.saturating_sub(1)
}

struct Reader<'t> {
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn node(&self, raw: &'t RawValue, depth: usize) -> Result<Node, Fault> {
        let json = raw.get();
        let at = self.byte(json);
        if depth > DEEPEST {
            return Err(Fault::new(at, "nested too deep"));
        }
        // It is JSON as a whole, so the first byte tells what it is.
        let value = match json.as_bytes().first() {
            Some(b'{') => self.table(json, depth)?,
            Some(b'[') => {
                let items =
                    serde_json::from_str::<Vec<&RawValue>>(json).map_err(|_| unreadable(at))?;
                let items = items.into_iter().map(|item| self.node(item, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => {
                let text = serde_json::from_str::<String>(json).map_err(|_| unreadable(at))?;
                Value::Text(Text::from(&*text))
            }
            Some(b't') => Value::Switch(true),
            Some(b'f') => Value::Switch(false),
            Some(b'n') => Value::Nothing,
            _ => match (json.parse::<i64>(), json.parse::<f64>()) {
                (Ok(integer), _) => Value::Integer(integer),
                (_, Ok(decimal)) if json.contains(['.', 'e', 'E']) => Value::Decimal(decimal),
                _ => Value::Other("an integer beyond 64 bits"),
            },
        };
        Ok(Node::new(at, value))
    }

    fn table(&self, json: &'t str, depth: usize) -> Result<Value, Fault> {
        let pairs =
            serde_json::from_str::<Pairs<'t>>(json).map_err(|_| unreadable(self.byte(json)))?;
        let mut table = Vec::with_capacity(pairs.0.len());
        let mut seen = BTreeSet::new();
        for (name, value) in pairs.0 {
            // A key with an escape in it is not part of the text; its value is near.
            let at = match &name {
                Cow::Borrowed(name) => self.byte(name).saturating_sub("\"".len()),
                Cow::Owned(_) => self.byte(value.get()),
            };
            if !seen.insert(name.clone()) {
                return Err(Fault::new(at, "this key is there twice"));
            }
            let name = name.into_owned();
            table.push((Key { at, name }, self.node(value, depth + 1)?));
        }
        Ok(Value::Table(table))
    }

    /// Where a part of the text begins.
    fn byte(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }
}

fn unreadable(at: usize) -> Fault {
    Fault::new(at, "not JSON: this cannot be read")
}

/// An object's pairs as they are written, doubles included.
struct Pairs<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

/// A key; borrowed unless there is an escape in it.
#[derive(Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

impl<'de: 't, 't> Deserialize<'de> for Pairs<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    pairs.push((name.0, value));
                }
                Ok(pairs)
            }
        }

        deserializer.deserialize_map(Collect).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(Key, Node)> {
        match parse_json(text).map(|node| node.value) {
            Ok(Value::Table(pairs)) => pairs,
            Ok(_) => panic!("no table"),
            Err(fault) => panic!("{fault:?}"),
        }
    }

    #[test]
    fn keys_and_values_know_where_they_are() {
        let text = "{\"a\": [1, 2.5],\n \"b\\u0041\": {\"c\": null}}";
        let read = pairs(text);
        assert_eq!(&text[read[0].0.at..][..3], "\"a\"");
        let Value::List(items) = &read[0].1.value else {
            panic!("no list");
        };
        assert!(text[items[1].at..].starts_with("2.5"));
        assert!(items[1].value == Value::Decimal(2.5));
        assert_eq!(read[1].0.name, "bA");
        assert!(text[read[1].0.at..].starts_with('{'));
    }

    #[test]
    fn a_broken_place_is_found_and_not_shown() {
        let text = "{\n  \"access_key_secret\": \"hush\n-hush\"}";
        let fault = parse_json(text).err().unwrap();
        assert_eq!(text[..fault.at].matches('\n').count(), 1);
        assert!(!fault.what.contains("hush"));
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        let text = r#"{"a": 1, "b": 2, "\u0061": 3}"#;
        let fault = parse_json(text).err().unwrap();
        assert!(text[fault.at..].starts_with('3'), "{fault:?}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(parse_json(&text).is_err());
        let text = "[".repeat(100_000);
        assert!(parse_json(&text).is_err());
    }
}
