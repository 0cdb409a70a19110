//! What is tracked.

mod event;
mod given;
mod identity;

use growingio_codecs::{
    Batch, EncodeError, EventRecord, Format, Invalid, ItemRecord, Route, Rules, UserMapping,
};

pub use event::{CustomEvent, UserAttributes};
pub use given::Given;
pub use identity::Identity;

/// Anything that is tracked, on its way into a tracker.
///
/// [`CustomEvent`], [`UserAttributes`], [`ItemRecord`], [`UserMapping`] and [`EventRecord`] turn
/// into it by themselves. Product and data source of a record are set by the tracker that it
/// is given to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A custom event, or attributes of a login user.
    Event(Box<EventRecord<'a>>),
    /// A row of a dimension table.
    Item(ItemRecord<'a>),
    /// Ids that belong to one user.
    UserMapping(UserMapping<'a>),
}

impl<'a> Message<'a> {
    /// Where it is sent, which tells its kind.
    pub fn route(&self) -> Route {
        match self {
            Self::Event(_) => Route::Events,
            Self::Item(_) => Route::Items,
            Self::UserMapping(_) => Route::UserMappings,
        }
    }

    /// The same message without borrowed parts.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::Event(event) => Message::Event(Box::new(event.into_owned())),
            Self::Item(item) => Message::Item(item.into_owned()),
            Self::UserMapping(mapping) => Message::UserMapping(mapping.into_owned()),
        }
    }

    /// The product that it belongs to, empty before a tracker has set it.
    pub fn product_id(&self) -> &str {
        match self {
            Self::Event(event) => event.product_id.as_deref().unwrap_or_default(),
            Self::Item(item) => item.product_id.as_deref().unwrap_or_default(),
            Self::UserMapping(mapping) => &mapping.product_id,
        }
    }

    /// Sets product and data source, whatever they were.
    pub(crate) fn set_ids(&mut self, product_id: &'a str, data_source_id: &'a str) {
        match self {
            Self::Event(event) => {
                event.product_id = Some(product_id.into());
                event.data_source_id = Some(data_source_id.into());
            }
            Self::Item(item) => {
                item.product_id = Some(product_id.into());
                item.data_source_id = Some(data_source_id.into());
            }
            Self::UserMapping(mapping) => {
                mapping.product_id = product_id.into();
                mapping.data_source_id = data_source_id.into();
            }
        }
    }

    pub(crate) fn check(&self, rules: &Rules) -> Result<(), Invalid> {
        match self {
            Self::Event(event) => rules.check(&**event),
            Self::Item(item) => rules.check(item),
            Self::UserMapping(mapping) => rules.check(mapping),
        }
    }

    /// Writes it behind others of its kind; see [`Format::append`].
    pub(crate) fn append(&self, format: Format, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Event(event) => format.append(&**event, to),
            Self::Item(item) => format.append(item, to),
            Self::UserMapping(mapping) => format.append(mapping, to),
        }
    }

    /// A batch of nothing else.
    pub(crate) fn into_batch(self) -> Batch<'a> {
        match self {
            Self::Event(event) => Batch::Events(vec![*event]),
            Self::Item(item) => Batch::Items(vec![item]),
            Self::UserMapping(mapping) => Batch::UserMappings(vec![mapping]),
        }
    }
}

impl<'a> From<EventRecord<'a>> for Message<'a> {
    fn from(event: EventRecord<'a>) -> Self {
        Self::Event(Box::new(event))
    }
}

impl<'a> From<ItemRecord<'a>> for Message<'a> {
    fn from(item: ItemRecord<'a>) -> Self {
        Self::Item(item)
    }
}

impl<'a> From<UserMapping<'a>> for Message<'a> {
    fn from(mapping: UserMapping<'a>) -> Self {
        Self::UserMapping(mapping)
    }
}
