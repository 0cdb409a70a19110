use std::fmt;

/// Which part of a record is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    key: Option<String>,
}

impl Field {
    pub(super) const fn named(name: &'static str) -> Self {
        Self { name, key: None }
    }

    pub(super) fn keyed(name: &'static str, key: &str) -> Self {
        Self {
            name,
            key: Some(key.to_owned()),
        }
    }

    /// The field's name, as the records here have it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The attribute's key, when the field is one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{} {key:?}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Why a record may not be sent. It never contains a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A field that is needed is absent or empty.
    #[error("{0} is missing or empty")]
    Missing(Field),
    /// A custom event that is about nobody.
    #[error("neither anonymous_id nor login_user_id is given")]
    NoIdentity,
    /// A kind of login user id without the id.
    #[error("login_user_key is given without login_user_id")]
    KeyWithoutId,
    /// A kind of event that only a decoder can have made.
    #[error("event type {0:?} is not known")]
    UnknownEventType(String),
    /// A number that is infinite or not a number.
    #[error("{0} is not a finite number")]
    NotFinite(Field),
    /// Lists and maps inside each other.
    #[error("{field} is nested more than {limit} deep")]
    TooDeep {
        /// Which field.
        field: Field,
        /// The deepest allowed.
        limit: usize,
    },
    /// Longer, or more, than the [`Limits`](crate::Limits).
    #[error("{field}: {count} are more than the limit of {limit}")]
    TooLong {
        /// Which field.
        field: Field,
        /// How many characters or elements it has.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
}
