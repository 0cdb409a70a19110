use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{DEEPEST, Key, Node, Text, Value};
use crate::config::problem::Fault;

/// Reads TOML.
///
/// # Errors
/// The first thing in it that is not TOML, or is nested deeper than [`DEEPEST`].
pub(crate) fn parse_toml(text: &str) -> Result<Node, Fault> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        // The message alone: the error's own text shows the line, which may hold a secret.
        Fault::new(at, format!("not TOML: {}", error.message()))
    })?;
    Ok(Node::new(0, self::table(table.into_inner(), 1)?))
}

fn node(value: Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Fault> {
    let at = value.span().start;
    if depth > DEEPEST {
        return Err(Fault::new(at, "nested too deep"));
    }
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(Text::from(&*text)),
        DeValue::Integer(integer) => {
            i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix())
                .map_or(Value::Other("an integer beyond 64 bits"), Value::Integer)
        }
        DeValue::Float(decimal) => decimal
            .as_str()
            .replace('_', "")
            .parse()
            .map_or(Value::Other("no number"), Value::Decimal),
        DeValue::Boolean(on) => Value::Switch(on),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| node(item, depth + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => self::table(table, depth)?,
    };
    Ok(Node::new(at, value))
}

fn table(table: DeTable<'_>, depth: usize) -> Result<Value, Fault> {
    let pairs = table.into_iter().map(|(key, value)| {
        let key = Key {
            at: key.span().start,
            name: key.into_inner().into_owned(),
        };
        Ok((key, node(value, depth + 1)?))
    });
    let mut pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    // The library sorts them by name.
    pairs.sort_by_key(|(key, _)| key.at);
    Ok(Value::Table(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_toml_is_refused_at_its_byte_and_not_shown() {
        let text = "[handlers.sls]\naccess_key_secret \"hush-hush\"\n";
        let fault = parse_toml(text).err().unwrap();
        assert_eq!(text[..fault.at].lines().count(), 2);
        assert!(!fault.what.contains("hush"), "{}", fault.what);
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("a = {}{}", "[".repeat(40), "]".repeat(40));
        assert!(parse_toml(&text).is_err());
    }

    #[test]
    fn numbers_are_read_in_every_notation() {
        for (text, value) in [
            ("a = 1_000", Value::Integer(1000)),
            ("a = 0x10", Value::Integer(16)),
            ("a = -2.5e1", Value::Decimal(-25.0)),
            ("a = 2026-01-01", Value::Other("a date")),
        ] {
            let Ok(Value::Table(pairs)) = parse_toml(text).map(|node| node.value) else {
                panic!("{text}");
            };
            assert!(pairs[0].1.value == value, "{text}");
        }
    }
}
