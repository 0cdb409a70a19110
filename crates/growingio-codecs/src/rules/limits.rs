use std::borrow::Cow;

use super::{Field, Invalid};
use crate::record::{AttributeValue, Attributes};
use crate::text::{self, Characters};

/// How long and how many the parts of a record may be.
///
/// No document of this protocol states any limit. The defaults are those of its
/// neighbours, named at each field; a field set to [`usize::MAX`] limits nothing.
///
/// ```
/// use growingio_codecs::{Limits, Rules};
///
/// let rules = Rules::strict().with_limits(Limits { value_chars: 255, ..Limits::default() });
/// # let _ = rules;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters of an event's name. Default: 255, as the SDK for Java before version 3.
    pub event_name_chars: usize,
    /// Characters of a login user id. Default: 1000, as the SDKs for web, Android and iOS.
    pub login_user_id_chars: usize,
    /// Attributes of one record. Default: 100, as the manual of the hosted service.
    pub attributes: usize,
    /// Characters of an attribute's key. Default: 100, as the SDK for web.
    pub key_chars: usize,
    /// Characters of an attribute's text, a list's after joining. Default: 1000, as the SDK
    /// for web.
    pub value_chars: usize,
    /// Elements of a list. Default: 100, as the SDK for web.
    pub list_elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_name_chars: 255,
            login_user_id_chars: 1000,
            attributes: 100,
            key_chars: 100,
            value_chars: 1000,
            list_elements: 100,
        }
    }
}

impl Limits {
    pub(super) fn check_text(
        &self,
        name: &'static str,
        text: &Option<Cow<'_, str>>,
        limit: usize,
    ) -> Result<(), Invalid> {
        let count = text.as_deref().map_or(0, |text| text.chars().count());
        within(|| Field::named(name), count, limit)
    }

    pub(super) fn check_attributes(&self, attributes: &Attributes<'_>) -> Result<(), Invalid> {
        let all = || Field::named("attributes");
        within(all, attributes.len(), self.attributes)?;
        for (key, value) in attributes {
            let field = || Field::keyed("attribute", key);
            let key_field = || Field::keyed("key of attribute", key);
            within(key_field, key.chars().count(), self.key_chars)?;
            if let AttributeValue::List(values) = value {
                let elements = || Field::keyed("elements of attribute", key);
                within(elements, values.len(), self.list_elements)?;
            }
            let mut characters = Characters::default();
            text::write(value, &mut characters);
            within(field, characters.0, self.value_chars)?;
        }
        Ok(())
    }
}

pub(super) fn within(field: impl Fn() -> Field, count: usize, limit: usize) -> Result<(), Invalid> {
    if count <= limit {
        return Ok(());
    }
    Err(Invalid::TooLong {
        field: field(),
        count,
        limit,
    })
}
