//! Rows as types of the program's own.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Row;

/// A row does not have the shape that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row does not fit: {reason}")]
pub struct RowError {
    reason: String,
}

impl de::Error for RowError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self {
            reason: reason.to_string(),
        }
    }
}

pub(super) fn deserialize<T: for<'de> Deserialize<'de>>(row: &Row<'_>) -> Result<T, RowError> {
    // A type refuses a key that it meets twice, and here the last one wins.
    let map = row.to_map().into_iter();
    T::deserialize(MapDeserializer::new(map.map(|(key, value)| {
        let value = Value {
            key: key.clone(),
            text: value,
        };
        (key, value)
    })))
}

/// Text that becomes what the type asks for.
struct Value {
    key: String,
    text: String,
}

impl Value {
    fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, RowError> {
        // Text may be long and may be private, so it is not shown.
        let no = |_| de::Error::custom(format_args!("the value of {:?} is not {what}", self.key));
        self.text.trim().parse().map_err(no)
    }
}

impl IntoDeserializer<'_, RowError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $what:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowError> {
            visitor.$visit(self.parse($what)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Value {
    type Error = RowError;

    numbers! {
        deserialize_bool visit_bool "true or false";
        deserialize_i8 visit_i8 "a whole number of 8 bits";
        deserialize_i16 visit_i16 "a whole number of 16 bits";
        deserialize_i32 visit_i32 "a whole number of 32 bits";
        deserialize_i64 visit_i64 "a whole number of 64 bits";
        deserialize_i128 visit_i128 "a whole number of 128 bits";
        deserialize_u8 visit_u8 "a whole number of 8 bits, not negative";
        deserialize_u16 visit_u16 "a whole number of 16 bits, not negative";
        deserialize_u32 visit_u32 "a whole number of 32 bits, not negative";
        deserialize_u64 visit_u64 "a whole number of 64 bits, not negative";
        deserialize_u128 visit_u128 "a whole number of 128 bits, not negative";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowError> {
        visitor.visit_string(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RowError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, RowError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, RowError> {
        visitor.visit_enum(Cow::<str>::Owned(self.text).into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use sls_core::model::{Log, LogGroup};
    use sls_core::wire::{EncodedGroup, GroupView};

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(log: Log) -> Result<T, RowError> {
        let encoded = EncodedGroup::from(&LogGroup::new(vec![log]));
        let view = GroupView::parse(encoded.as_bytes()).unwrap();
        Row::new(view, view.logs().next().unwrap()).deserialize()
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        Info,
        Warn,
    }

    #[test]
    fn text_becomes_what_the_type_asks_for() {
        let log = Log::at(5)
            .with("amount", "-3")
            .with("ratio", "0.5")
            .with("ok", "true")
            .with("level", "warn")
            .with("note", "")
            .with("more", "x");
        #[derive(Debug, PartialEq, Deserialize)]
        struct Flat {
            amount: i64,
            ratio: f64,
            ok: bool,
            level: Level,
            note: Option<String>,
            missing: Option<u8>,
        }
        let found: Flat = read(log).unwrap();
        let want = Flat {
            amount: -3,
            ratio: 0.5,
            ok: true,
            level: Level::Warn,
            note: Some(String::new()),
            missing: None,
        };
        assert_eq!(found, want);
    }

    #[test]
    fn the_last_of_two_equal_keys_wins() {
        #[derive(Deserialize)]
        struct One {
            k: u8,
        }
        assert_eq!(
            read::<One>(Log::at(1).with("k", "1").with("k", "2"))
                .unwrap()
                .k,
            2
        );
    }

    #[test]
    fn what_does_not_fit_is_named_and_not_shown() {
        #[derive(Debug, Deserialize)]
        struct One {
            #[expect(dead_code, reason = "only its type matters")]
            amount: u8,
        }
        let error = read::<One>(Log::at(1).with("amount", "secret")).unwrap_err();
        let want = "row does not fit: the value of \"amount\" is not a whole number of 8 bits, \
                    not negative";
        assert_eq!(error.to_string(), want);
        let error = read::<One>(Log::at(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row does not fit: missing field `amount`"
        );
    }
}
