use std::borrow::Cow;

use growingio_codecs::{AttributeValue, Attributes};

/// Attributes that a call may have or not: `()` is none.
///
/// An item with an empty map of attributes is another than one without; an event is not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given<'a>(pub(crate) Option<Attributes<'a>>);

impl From<()> for Given<'_> {
    fn from((): ()) -> Self {
        Self(None)
    }
}

impl<'a> From<Attributes<'a>> for Given<'a> {
    fn from(attributes: Attributes<'a>) -> Self {
        Self(Some(attributes))
    }
}

impl<'a> From<Option<Attributes<'a>>> for Given<'a> {
    fn from(attributes: Option<Attributes<'a>>) -> Self {
        Self(attributes)
    }
}

impl<'a, K, V, const N: usize> From<[(K, V); N]> for Given<'a>
where
    K: Into<Cow<'a, str>>,
    V: Into<AttributeValue<'a>>,
{
    fn from(attributes: [(K, V); N]) -> Self {
        Self(Some(attributes.into()))
    }
}
