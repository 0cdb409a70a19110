use std::borrow::Cow;

use super::value::own;
use super::{AttributeValue, Attributes, EventType, Preset, Presets};

/// The login user key that marks an event whose subject is not a user: it needs no id.
pub const NOT_USER: &str = "$notuser";

/// Something that happened: a custom event, or attributes of a login user.
///
/// A field that is `None` is left out; an empty text is written in JSON and left out of
/// protobuf, which has no empty texts.
///
/// ```
/// use growingio_codecs::EventRecord;
///
/// let paid = EventRecord::custom("paid", 1_700_000_000_123)
///     .with_login_user("email", "user@example.com")
///     .with_attribute("amount", 15.52)
///     .with_attribute("tags", ["new", "gift"])
///     .with_ids("my-product", "my-data-source");
/// assert_eq!(paid.timestamp_ms, Some(1_700_000_000_123));
/// assert_eq!(paid.send_time_ms, None);
/// ```
#[doc(alias = "CustomEventMessage")]
#[doc(alias = "EventV3Dto")]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EventRecord<'a> {
    /// What kind of event it is.
    pub event_type: EventType,
    /// The version of the SDK that made it.
    pub sdk_version: Option<Cow<'a, str>>,
    /// The platform of the SDK that made it.
    pub platform: Option<Cow<'a, str>>,
    /// When it happened, in milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
    /// The same time once more, when the caller gave it explicitly; never the time of sending.
    pub send_time_ms: Option<i64>,
    /// The custom event's name.
    pub event_name: Option<Cow<'a, str>>,
    /// The visitor's id.
    #[doc(alias = "device_id")]
    pub anonymous_id: Option<Cow<'a, str>>,
    /// Which kind of id the login user id is, such as `email`; see also [`NOT_USER`].
    #[doc(alias = "user_key")]
    pub login_user_key: Option<Cow<'a, str>>,
    /// The login user's id.
    #[doc(alias = "user_id")]
    pub login_user_id: Option<Cow<'a, str>>,
    /// What the event says. No attributes and an empty map are the same, unlike in items.
    pub attributes: Attributes<'a>,
    /// The item that the event is about.
    pub resource_item: Option<ResourceItem<'a>>,
    /// Fields that the service gives a meaning.
    pub presets: Presets<'a>,
    /// The data source, one of several of a project.
    pub data_source_id: Option<Cow<'a, str>>,
    /// The product, or project.
    #[doc(alias = "project_key")]
    pub product_id: Option<Cow<'a, str>>,
}

impl<'a> EventRecord<'a> {
    /// A custom event that was made at a time, in milliseconds since the Unix epoch.
    #[inline]
    pub fn custom(event_name: impl Into<Cow<'a, str>>, made_at_ms: i64) -> Self {
        Self {
            event_name: Some(event_name.into()),
            timestamp_ms: Some(made_at_ms),
            ..Self::of_type(EventType::Custom)
        }
    }

    /// Attributes of a login user, set at a time, in milliseconds since the Unix epoch.
    pub fn login_user_attributes(made_at_ms: i64) -> Self {
        Self {
            timestamp_ms: Some(made_at_ms),
            ..Self::of_type(EventType::LoginUserAttributes)
        }
    }

    /// An event that has a type and nothing else.
    #[inline]
    pub const fn of_type(event_type: EventType) -> Self {
        Self {
            event_type,
            sdk_version: None,
            platform: None,
            timestamp_ms: None,
            send_time_ms: None,
            event_name: None,
            anonymous_id: None,
            login_user_key: None,
            login_user_id: None,
            attributes: Attributes::new(),
            resource_item: None,
            presets: Presets::new(),
            data_source_id: None,
            product_id: None,
        }
    }

    /// Says explicitly when the event happened, in milliseconds since the Unix epoch.
    ///
    /// The service uses it only for projects that have custom event times switched on.
    #[must_use]
    #[inline]
    pub fn with_event_time_ms(mut self, event_time_ms: i64) -> Self {
        self.timestamp_ms = Some(event_time_ms);
        self.send_time_ms = Some(event_time_ms);
        self
    }

    /// Sets the visitor's id.
    #[must_use]
    #[inline]
    pub fn with_anonymous_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.anonymous_id = Some(id.into());
        self
    }

    /// Sets the login user's id and which kind of id it is.
    #[must_use]
    #[inline]
    pub fn with_login_user(
        self,
        key: impl Into<Cow<'a, str>>,
        id: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.with_login_user_key(key).with_login_user_id(id)
    }

    /// Sets which kind of id the login user id is.
    #[must_use]
    #[inline]
    pub fn with_login_user_key(mut self, key: impl Into<Cow<'a, str>>) -> Self {
        self.login_user_key = Some(key.into());
        self
    }

    /// Sets the login user's id.
    #[must_use]
    #[inline]
    pub fn with_login_user_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.login_user_id = Some(id.into());
        self
    }

    /// Adds an attribute; see [`Attributes::insert`].
    #[must_use]
    #[inline]
    pub fn with_attribute(
        mut self,
        key: impl Into<Cow<'a, str>>,
        value: impl Into<AttributeValue<'a>>,
    ) -> Self {
        self.attributes.insert(key, value);
        self
    }

    /// Adds attributes to those that are there.
    #[must_use]
    #[inline]
    pub fn with_attributes(mut self, attributes: Attributes<'a>) -> Self {
        if self.attributes.is_empty() {
            self.attributes = attributes;
        } else {
            self.attributes.extend(attributes.iter().cloned());
        }
        self
    }

    /// Names the item that the event is about.
    #[must_use]
    #[inline]
    pub fn with_resource_item(mut self, item: ResourceItem<'a>) -> Self {
        self.resource_item = Some(item);
        self
    }

    /// Sets a field that the service gives a meaning.
    #[must_use]
    #[inline]
    pub fn with_preset(mut self, preset: Preset<'a>) -> Self {
        self.presets.set(preset);
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

    /// Says which SDK made the event.
    #[must_use]
    #[inline]
    pub fn with_sdk(
        mut self,
        platform: impl Into<Cow<'a, str>>,
        version: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.platform = Some(platform.into());
        self.sdk_version = Some(version.into());
        self
    }

    /// The same event without borrowed parts.
    pub fn into_owned(self) -> EventRecord<'static> {
        EventRecord {
            event_type: self.event_type,
            sdk_version: self.sdk_version.map(own),
            platform: self.platform.map(own),
            timestamp_ms: self.timestamp_ms,
            send_time_ms: self.send_time_ms,
            event_name: self.event_name.map(own),
            anonymous_id: self.anonymous_id.map(own),
            login_user_key: self.login_user_key.map(own),
            login_user_id: self.login_user_id.map(own),
            attributes: self.attributes.into_owned(),
            resource_item: self.resource_item.map(ResourceItem::into_owned),
            presets: self.presets.into_owned(),
            data_source_id: self.data_source_id.map(own),
            product_id: self.product_id.map(own),
        }
    }
}

/// The item that an event is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceItem<'a> {
    /// The item model's key.
    pub item_key: Cow<'a, str>,
    /// The item's id.
    pub item_id: Cow<'a, str>,
    /// The item's attributes; none are left out.
    pub attributes: Attributes<'a>,
}

impl<'a> ResourceItem<'a> {
    /// An item without attributes.
    pub fn new(item_key: impl Into<Cow<'a, str>>, item_id: impl Into<Cow<'a, str>>) -> Self {
        Self {
            item_key: item_key.into(),
            item_id: item_id.into(),
            attributes: Attributes::new(),
        }
    }

    /// Sets the attributes.
    #[must_use]
    #[inline]
    pub fn with_attributes(mut self, attributes: Attributes<'a>) -> Self {
        self.attributes = attributes;
        self
    }

    /// The same item without borrowed parts.
    pub fn into_owned(self) -> ResourceItem<'static> {
        ResourceItem {
            item_key: own(self.item_key),
            item_id: own(self.item_id),
            attributes: self.attributes.into_owned(),
        }
    }
}
