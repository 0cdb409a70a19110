//! The tagged values of the recorded calls, as a typed language has them.

use growingio_codecs::{AttributeValue, Attributes};
use serde_json::Value;

/// Why a case cannot be called.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A typed language cannot write the argument.
    Unwritable(String),
    /// The case itself is broken.
    Broken(String),
}

impl From<Trouble> for String {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unwritable(what) => format!("{what} cannot be written in Rust"),
            Trouble::Broken(what) => format!("the case is broken: {what}"),
        }
    }
}

type Result<T> = std::result::Result<T, Trouble>;

fn tag(argument: &Value) -> Result<&str> {
    let tag = argument["t"].as_str();
    tag.ok_or_else(|| Trouble::Broken(format!("an argument without tag: {argument}")))
}

fn unwritable<T>(argument: &Value, wanted: &str) -> Result<T> {
    Err(Trouble::Unwritable(format!("{argument} as {wanted}")))
}

/// A text; not given is the same as none.
pub(super) fn optional_text(argument: &Value) -> Result<Option<String>> {
    if argument.is_null() || tag(argument)? == "none" {
        return Ok(None);
    }
    match (tag(argument)?, argument["v"].as_str()) {
        ("str", Some(text)) => Ok(Some(text.to_owned())),
        _ => unwritable(argument, "a text"),
    }
}

/// A time in milliseconds; not given is the same as none.
pub(super) fn optional_time(argument: &Value) -> Result<Option<i64>> {
    if argument.is_null() || tag(argument)? == "none" {
        return Ok(None);
    }
    let time = argument["v"]
        .as_str()
        .and_then(|digits| digits.parse().ok());
    match (tag(argument)?, time) {
        ("int", Some(time)) => Ok(Some(time)),
        _ => unwritable(argument, "a time"),
    }
}

/// A map; not given is the same as none.
pub(super) fn optional_attributes(argument: &Value) -> Result<Option<Attributes<'static>>> {
    if argument.is_null() || tag(argument)? == "none" {
        return Ok(None);
    }
    if tag(argument)? != "map" {
        return unwritable(argument, "attributes");
    }
    pairs(argument).map(Some)
}

fn pairs(map: &Value) -> Result<Attributes<'static>> {
    let mut attributes = Attributes::new();
    for pair in map["v"].as_array().into_iter().flatten() {
        let Some(key) = optional_text(&pair[0])? else {
            return unwritable(&pair[0], "a key");
        };
        attributes.insert(key, value(&pair[1])?);
    }
    Ok(attributes)
}

/// A value of any kind that a record has.
pub(super) fn value(argument: &Value) -> Result<AttributeValue<'static>> {
    let content = &argument["v"];
    let broken = || Trouble::Broken(format!("no value in {argument}"));
    Ok(match tag(argument)? {
        "none" => AttributeValue::Null,
        "bool" => content.as_bool().ok_or_else(broken)?.into(),
        "str" => content.as_str().ok_or_else(broken)?.to_owned().into(),
        "int" => match content.as_str().map(str::parse) {
            Some(Ok(integer)) => AttributeValue::Integer(integer),
            _ => return unwritable(argument, "an integer"),
        },
        "float" => {
            let bits = argument["bits"].as_str();
            let bits = bits.and_then(|bits| u64::from_str_radix(bits, 16).ok());
            AttributeValue::Double(f64::from_bits(bits.ok_or_else(broken)?))
        }
        "list" => {
            let values = content.as_array().into_iter().flatten();
            let values: Vec<_> = values.map(value).collect::<Result<_>>()?;
            values.into()
        }
        "map" => pairs(argument)?.into(),
        _ => return unwritable(argument, "a value"),
    })
}
