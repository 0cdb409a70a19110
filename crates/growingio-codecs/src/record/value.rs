use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use super::Attributes;
use crate::text;

/// The value of an attribute.
///
/// The service keeps a map of strings, so every value has one text, which
/// [`to_text`](Self::to_text) gives. JSON keeps the type of null, booleans and numbers;
/// everything else travels as its text.
///
/// ```
/// use growingio_codecs::AttributeValue;
///
/// let degrees = AttributeValue::from(["bachelor", "", "master"]);
/// assert_eq!(degrees.to_text().unwrap(), "bachelor||master");
/// assert_eq!(AttributeValue::from(1e16).to_text().unwrap(), "1e+16");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AttributeValue<'a> {
    /// No value: `null` in JSON, left out of protobuf, dropped from lists.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i128),
    /// A finite number with a fraction; it keeps a fraction when written, `1.0`.
    ///
    /// [`Rules`](crate::Rules) refuse infinities and NaN, which no encoding has; where one
    /// is written nevertheless, it counts as null.
    Double(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list, written as the texts of its elements with `||` between them.
    ///
    /// Null and empty texts are dropped, and a list that has nothing left is an empty text.
    /// A separator inside an element is not escaped. An element that is itself a list or a
    /// map is written as JSON text.
    List(Seq<'a, Self>),
    /// A map, written as JSON text.
    Map(Attributes<'a>),
}

impl AttributeValue<'_> {
    /// The text that the service keeps; `None` for null.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        if self.is_null() {
            return None;
        }
        if let Self::Text(text) = self {
            return Some(Cow::Borrowed(text));
        }
        let mut whole = String::new();
        text::write(self, &mut whole);
        Some(Cow::Owned(whole))
    }

    /// Whether there is nothing to write: null, or a number that no encoding has.
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Double(value) => !value.is_finite(),
            _ => false,
        }
    }

    /// The same value without borrowed parts.
    pub fn into_owned(self) -> AttributeValue<'static> {
        match self {
            Self::Null => AttributeValue::Null,
            Self::Bool(value) => AttributeValue::Bool(value),
            Self::Integer(value) => AttributeValue::Integer(value),
            Self::Double(value) => AttributeValue::Double(value),
            Self::Text(value) => AttributeValue::Text(own(value)),
            Self::List(values) => AttributeValue::List(values.into_owned_with(Self::into_owned)),
            Self::Map(pairs) => AttributeValue::Map(pairs.into_owned()),
        }
    }
}

pub(super) fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl<'a> From<&'a str> for AttributeValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for AttributeValue<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a String> for AttributeValue<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<Cow<'a, str>> for AttributeValue<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for AttributeValue<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for AttributeValue<'_> {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {$(
        impl From<$integer> for AttributeValue<'_> {
            fn from(value: $integer) -> Self {
                // No integer of this type is wider than the variant.
                Self::Integer(value as i128)
            }
        }
    )*};
}

from_integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize);

impl<'a, T: Into<Self>> From<Option<T>> for AttributeValue<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a, T: Into<Self>> From<Vec<T>> for AttributeValue<'a> {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<'a, T: Into<Self>, const N: usize> From<[T; N]> for AttributeValue<'a> {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<'a> From<&'a [Self]> for AttributeValue<'a> {
    fn from(values: &'a [Self]) -> Self {
        Self::List(values.into())
    }
}

impl<'a> From<Attributes<'a>> for AttributeValue<'a> {
    fn from(pairs: Attributes<'a>) -> Self {
        Self::Map(pairs)
    }
}

/// A sequence that is owned or borrowed; it reads like a slice.
///
/// A record on its way into a buffer needs no memory of its own when its attributes stand
/// in an array on the caller's stack.
pub struct Seq<'a, T>(Repr<'a, T>);

enum Repr<'a, T> {
    Owned(Vec<T>),
    Borrowed(&'a [T]),
}

impl<'a, T> Seq<'a, T> {
    /// An empty sequence.
    pub const fn new() -> Self {
        Self(Repr::Borrowed(&[]))
    }

    pub(super) fn into_owned_with<U>(self, own: impl Fn(T) -> U) -> Seq<'static, U>
    where
        T: Clone,
    {
        match self.0 {
            Repr::Owned(values) => values.into_iter().map(own).collect(),
            Repr::Borrowed(values) => values.iter().cloned().map(own).collect(),
        }
    }

    /// The values for changing; borrowed ones are copied first.
    pub(super) fn to_mut(&mut self) -> &mut Vec<T>
    where
        T: Clone,
    {
        if let Repr::Borrowed(values) = self.0 {
            self.0 = Repr::Owned(values.to_vec());
        }
        match &mut self.0 {
            Repr::Owned(values) => values,
            Repr::Borrowed(_) => unreachable!("made owned above"),
        }
    }
}

impl<T> Deref for Seq<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::Owned(values) => values,
            Repr::Borrowed(values) => values,
        }
    }
}

impl<T> Default for Seq<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Clone for Seq<'_, T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Repr::Owned(values) => Repr::Owned(values.clone()),
            Repr::Borrowed(values) => Repr::Borrowed(values),
        })
    }
}

impl<T: PartialEq> PartialEq for Seq<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Seq<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> From<Vec<T>> for Seq<'_, T> {
    fn from(values: Vec<T>) -> Self {
        Self(Repr::Owned(values))
    }
}

impl<'a, T> From<&'a [T]> for Seq<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Self(Repr::Borrowed(values))
    }
}

impl<T> FromIterator<T> for Seq<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(Repr::Owned(values.into_iter().collect()))
    }
}
