use std::borrow::Cow;

use super::value::own;
use super::{AttributeValue, Attributes};

/// A row of a dimension table.
///
/// ```
/// use growingio_codecs::ItemRecord;
///
/// let item = ItemRecord::new("product", "1001")
///     .with_attribute("colour", "red")
///     .with_ids("my-product", "my-data-source");
/// assert_eq!(item.attributes.unwrap().len(), 1);
/// ```
#[doc(alias = "ItemMessage")]
#[doc(alias = "ItemDto")]
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ItemRecord<'a> {
    /// The item model's key.
    pub item_key: Option<Cow<'a, str>>,
    /// The item's id.
    pub item_id: Option<Cow<'a, str>>,
    /// What is known about the item. An empty map is written, unlike in events.
    pub attributes: Option<Attributes<'a>>,
    /// The data source, one of several of a project.
    pub data_source_id: Option<Cow<'a, str>>,
    /// The product, or project.
    #[doc(alias = "project_key")]
    pub product_id: Option<Cow<'a, str>>,
}

impl<'a> ItemRecord<'a> {
    /// An item without attributes.
    pub fn new(item_key: impl Into<Cow<'a, str>>, item_id: impl Into<Cow<'a, str>>) -> Self {
        Self {
            item_key: Some(item_key.into()),
            item_id: Some(item_id.into()),
            ..Self::default()
        }
    }

    /// Adds an attribute; see [`Attributes::insert`].
    #[must_use]
    #[inline]
    pub fn with_attribute(
        mut self,
        key: impl Into<Cow<'a, str>>,
        value: impl Into<AttributeValue<'a>>,
    ) -> Self {
        self.attributes.get_or_insert_default().insert(key, value);
        self
    }

    /// Replaces the attributes by these, of which there may be none.
    #[must_use]
    #[inline]
    pub fn with_attributes(mut self, attributes: Attributes<'a>) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// Sets product and data source, which every record needs.
    #[must_use]
    #[inline]
    pub fn with_ids(
        mut self,
        product_id: impl Into<Cow<'a, str>>,
        data_source_id: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.product_id = Some(product_id.into());
        self.data_source_id = Some(data_source_id.into());
        self
    }

    /// The same item without borrowed parts.
    pub fn into_owned(self) -> ItemRecord<'static> {
        ItemRecord {
            item_key: self.item_key.map(own),
            item_id: self.item_id.map(own),
            attributes: self.attributes.map(Attributes::into_owned),
            data_source_id: self.data_source_id.map(own),
            product_id: self.product_id.map(own),
        }
    }
}
