//! One setting of a handler: what it may be, and what was given.

use std::fmt;
use std::time::Duration;

use super::problem::Fault;
use super::tree::{Node, Text, Value};

/// A setting that handlers of some type have.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key in TOML and JSON.
    pub(crate) key: &'static str,
    /// Its name in Python's handler.
    pub(crate) python: Option<&'static str>,
    pub(crate) kind: Kind,
    /// What holds when it is not given, for the reference page.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds the page to it"))]
    pub(crate) default: &'static str,
    /// What it is about, for the reference page.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds the page to it"))]
    pub(crate) meaning: &'static str,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Switch,
    /// A whole number of something.
    Count {
        least: u64,
        most: u64,
    },
    /// `1048576`, `"1MiB"` or `"1MB"`.
    Bytes {
        least: u64,
        most: u64,
    },
    /// Seconds as a number, or `"500ms"`, `"2s"`, `"1m"`, `"1h"`.
    Time {
        most: Duration,
    },
    Text,
    /// A text that is not empty.
    Name,
    /// The address of a region.
    Address,
    /// A text that is not empty and never shown.
    Secret,
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A table of texts.
    Pairs,
}

/// A setting that was given and is known good.
#[derive(Clone, PartialEq)]
pub(crate) enum Given {
    Switch(bool),
    Count(u64),
    Time(Duration),
    Text(String),
    Secret(String),
    Choice(&'static str),
    Texts(Vec<String>),
    Pairs(Vec<(String, String)>),
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => on.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Secret(_) => f.write_str("***"),
            Self::Choice(name) => name.fmt(f),
            Self::Texts(texts) => texts.fmt(f),
            Self::Pairs(pairs) => pairs.fmt(f),
        }
    }
}

impl Kind {
    /// What it may be, for an error and for the reference page.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Count { least, most } => format!("a whole number from {least} to {most}"),
            Self::Bytes { least, most } => {
                format!("bytes as a number or a text such as `\"1MiB\"`, from {least} to {most}")
            }
            Self::Time { most } => format!(
                "seconds as a number or a text such as `\"500ms\"`, at most {}",
                most.as_secs()
            ),
            Self::Text => "text".to_owned(),
            Self::Name => "text that is not empty".to_owned(),
            Self::Address => "an address such as `cn-hangzhou.log.aliyuncs.com`".to_owned(),
            Self::Secret => "text that is not empty, never shown".to_owned(),
            Self::Choice(names) => format!("`{}`", names.join("`, `")),
            Self::Texts => "a list of texts".to_owned(),
            Self::Pairs => "a table of texts".to_owned(),
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// What would be right; never the value.
    pub(crate) fn check(self, node: &Node) -> Result<Given, Fault> {
        let given = match (self, &node.value) {
            (Self::Switch, value) => switch(value).map(Given::Switch),
            (Self::Count { least, most }, value) => whole(value)
                .filter(|count| (least..=most).contains(count))
                .map(Given::Count),
            (Self::Bytes { least, most }, value) => bytes(value)
                .filter(|count| (least..=most).contains(count))
                .map(Given::Count),
            (Self::Time { most }, value) => {
                time(value).filter(|time| *time <= most).map(Given::Time)
            }
            (Self::Text, Value::Text(text)) => Some(Given::Text(text.text.clone())),
            (Self::Name, Value::Text(text)) => Some(Given::Text(filled(node, text)?.to_owned())),
            (Self::Secret, Value::Text(text)) => {
                Some(Given::Secret(filled(node, text)?.to_owned()))
            }
            (Self::Address, Value::Text(text)) => {
                let text = filled(node, text)?;
                let address = text.parse::<sls_core::Endpoint>();
                // Its error would show the text.
                address.ok().map(|_| Given::Text(text.to_owned()))
            }
            (Self::Choice(names), Value::Text(text)) => {
                let lower = text.text.to_ascii_lowercase();
                let name = names.iter().find(|name| **name == lower);
                name.map(|name| Given::Choice(name))
            }
            (Self::Texts, Value::List(items)) => {
                let texts = items.iter().map(|item| text_of(&item.value));
                texts.collect::<Option<_>>().map(Given::Texts)
            }
            (Self::Pairs, Value::Table(pairs)) => {
                let texts = pairs
                    .iter()
                    .map(|(key, value)| Some((key.name.clone(), text_of(&value.value)?)));
                texts.collect::<Option<_>>().map(Given::Pairs)
            }
            _ => None,
        };
        given.ok_or_else(|| {
            let kind = match &node.value {
                Value::Text(_) | Value::Integer(_) | Value::Decimal(_) => "another value",
                other => other.kind(),
            };
            Fault::new(node.at, format!("{kind}, but this is {}", self.describe()))
        })
    }
}

/// The text, unless it is empty.
fn filled<'t>(node: &Node, text: &'t Text) -> Result<&'t str, Fault> {
    let trimmed = text.text.trim();
    if !trimmed.is_empty() {
        return Ok(trimmed);
    }
    Err(Fault::new(
        node.at,
        match text.unset.as_slice() {
            [] => "empty, but must not be".to_owned(),
            [one] => format!("empty, since the environment variable {one} is not set"),
            many => format!(
                "empty, since the environment variables {} are not set",
                many.join(", ")
            ),
        },
    ))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.text.clone()),
        _ => None,
    }
}

/// The text of a number or a switch: only a variable makes one of text.
fn from_variable(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if text.from_variable => Some(text.text.trim()),
        _ => None,
    }
}

fn switch(value: &Value) -> Option<bool> {
    match (value, from_variable(value)) {
        (Value::Switch(on), _) => Some(*on),
        (_, Some("true" | "1")) => Some(true),
        (_, Some("false" | "0")) => Some(false),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        _ => from_variable(value)?.parse().ok(),
    }
}

fn bytes(value: &Value) -> Option<u64> {
    let Value::Text(text) = value else {
        return whole(value);
    };
    let text = text.text.trim();
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit: u64 = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn time(value: &Value) -> Option<Duration> {
    match value {
        Value::Integer(seconds) => Some(Duration::from_secs(u64::try_from(*seconds).ok()?)),
        Value::Decimal(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        Value::Text(text) => {
            let text = text.text.trim();
            let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            let seconds = match text[number.len()..].trim() {
                "ms" => 0.001,
                "s" | "" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
            let number = number.trim().parse::<f64>().ok()?;
            Duration::try_from_secs_f64(number * seconds).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, value: Value) -> Result<Given, String> {
        kind.check(&Node::new(0, value)).map_err(|fault| fault.what)
    }

    fn text(text: &str) -> Value {
        Value::Text(Text::from(text))
    }

    fn variable(text: &str) -> Value {
        Value::Text(Text {
            text: text.to_owned(),
            from_variable: true,
            unset: Vec::new(),
        })
    }

    #[test]
    fn a_time_is_seconds_or_says_its_unit() {
        let kind = Kind::Time {
            most: Duration::from_secs(3600),
        };
        for (value, millis) in [
            (Value::Integer(2), 2000),
            (Value::Decimal(0.5), 500),
            (text("500ms"), 500),
            (text("1.5 s"), 1500),
            (text("1m"), 60_000),
            (text("1h"), 3_600_000),
            (variable("3"), 3000),
        ] {
            let expected = Given::Time(Duration::from_millis(millis));
            assert_eq!(check(kind, value), Ok(expected));
        }
        for wrong in [
            Value::Integer(-1),
            Value::Integer(3601),
            Value::Decimal(f64::NAN),
            text("soon"),
            text("2 days"),
            Value::Switch(true),
        ] {
            assert!(check(kind, wrong).unwrap_err().contains("seconds"));
        }
    }

    #[test]
    fn bytes_may_say_their_unit() {
        let kind = Kind::Bytes {
            least: 1,
            most: 1 << 32,
        };
        for (value, count) in [
            (Value::Integer(5), 5),
            (text("5"), 5),
            (text("2KiB"), 2048),
            (text("2 KB"), 2000),
            (text("3MiB"), 3 << 20),
            (text("1GB"), 1_000_000_000),
        ] {
            assert_eq!(check(kind, value), Ok(Given::Count(count)));
        }
        for wrong in [Value::Integer(0), text("5 miles"), text("99999999999GiB")] {
            assert!(check(kind, wrong).is_err());
        }
    }

    #[test]
    fn only_a_variable_makes_a_number_or_a_switch_of_text() {
        let count = Kind::Count { least: 1, most: 9 };
        assert_eq!(check(count, variable("7")), Ok(Given::Count(7)));
        assert!(check(count, text("7")).is_err());
        assert!(check(count, variable("10")).is_err());
        assert_eq!(
            check(Kind::Switch, variable("true")),
            Ok(Given::Switch(true))
        );
        assert!(check(Kind::Switch, text("true")).is_err());
        assert!(check(Kind::Switch, Value::Integer(1)).is_err());
    }

    #[test]
    fn an_empty_name_tells_which_variable_is_not_set() {
        let unset = Value::Text(Text {
            text: String::new(),
            from_variable: true,
            unset: vec!["SLS_PROJECT".to_owned()],
        });
        let error = check(Kind::Name, unset).unwrap_err();
        assert!(error.contains("SLS_PROJECT is not set"), "{error}");
        assert!(check(Kind::Name, text("  ")).unwrap_err().contains("empty"));
    }

    #[test]
    fn no_error_and_no_debug_shows_a_secret() {
        let given = check(Kind::Secret, text("hush-hush")).unwrap();
        assert!(!format!("{given:?}").contains("hush"));
        for kind in [
            Kind::Switch,
            Kind::Count { least: 1, most: 9 },
            Kind::Bytes { least: 1, most: 9 },
            Kind::Choice(&["a", "b"]),
            Kind::Texts,
            Kind::Pairs,
            Kind::Time {
                most: Duration::from_secs(1),
            },
        ] {
            let error = check(kind, text("hush-hush")).unwrap_err();
            assert!(!error.contains("hush"), "{error}");
        }
        let error = check(Kind::Address, text("hush hush@:")).unwrap_err();
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn a_choice_is_one_of_its_names_in_any_case() {
        let kind = Kind::Choice(&["v1", "v4"]);
        assert_eq!(check(kind, text("V4")), Ok(Given::Choice("v4")));
        assert!(check(kind, text("v2")).unwrap_err().contains("`v1`, `v4`"));
    }
}
