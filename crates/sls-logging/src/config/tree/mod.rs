//! What a configuration says, whatever it is written in: values, and where they begin.

mod expand; // ${NAME} and ${NAME:-default}
mod json; // JSON to a tree
mod toml; // TOML to a tree

pub(crate) use expand::{Lookup, expand};
pub(crate) use json::parse_json;
pub(crate) use toml::parse_toml;

/// The deepest nesting that is read; settings need four.
pub(crate) const DEEPEST: usize = 16;

/// A value and where it is.
#[derive(Clone, PartialEq)]
pub(crate) struct Node {
    /// The byte of the text.
    pub(crate) at: usize,
    pub(crate) value: Value,
}

/// What is written; never shown, since it may be a secret.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    /// Python's `None`, JSON's `null`.
    Nothing,
    Switch(bool),
    Integer(i64),
    Decimal(f64),
    Text(Text),
    List(Vec<Node>),
    /// Pairs in the order they are written, each key once.
    Table(Vec<(Key, Node)>),
    /// Something that has no place in a configuration, such as a date.
    Other(&'static str),
}

/// A text, and what became of the variables in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Whether a part of it comes from a variable, so that a number is written as text.
    pub(crate) from_variable: bool,
    /// The variables that are not set and for which a default stands.
    pub(crate) unset: Vec<String>,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }
}

/// The name of a value in a table, and where it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) at: usize,
    pub(crate) name: String,
}

impl Node {
    pub(crate) fn new(at: usize, value: Value) -> Self {
        Self { at, value }
    }
}

impl Value {
    /// What kind of value it is, for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Switch(_) => "a switch",
            Self::Integer(_) => "an integer",
            Self::Decimal(_) => "a decimal number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}
