use std::borrow::Cow;
use std::time::SystemTime;

use growingio_codecs::record::{Preset, ResourceItem};
use growingio_codecs::{AttributeValue, Attributes, EventRecord, unix_ms};
use telemetry_delivery::{Clock as _, SystemClock};

use super::{Identity, Message};

/// A custom event: something that happened, with a name that the project defined.
///
/// Its time is that of making it, not that of sending.
///
/// ```
/// use growingio_tracker::{CustomEvent, Identity};
///
/// let paid = CustomEvent::new("paid")
///     .with_identity(Identity::login_user("user@example.com").with_key("email"))
///     .with_attribute("amount", 15.52)
///     .with_attribute("tags", ["new", "gift"]);
/// # let _ = paid;
/// ```
#[doc(alias = "CustomEventMessage")]
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct CustomEvent<'a>(EventRecord<'a>);

/// Attributes of a login user, such as age or membership.
///
/// ```
/// use growingio_tracker::{Identity, UserAttributes};
///
/// let user = UserAttributes::new()
///     .with_identity(Identity::login_user("user@example.com").with_key("email"))
///     .with_attribute("age", 30);
/// # let _ = user;
/// ```
#[doc(alias = "UserEventMessage")]
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct UserAttributes<'a>(EventRecord<'a>);

impl<'a> CustomEvent<'a> {
    /// An event that happens now, by the system's clock.
    ///
    /// [`Tracker::custom_event`](crate::Tracker::custom_event) takes the tracker's clock.
    pub fn new(event_name: impl Into<Cow<'a, str>>) -> Self {
        Self::made_at(event_name, SystemClock.now())
    }

    /// An event that was made at this time.
    pub fn made_at(event_name: impl Into<Cow<'a, str>>, now: SystemTime) -> Self {
        Self(EventRecord::custom(event_name, unix_ms(now)))
    }

    /// Names the item that the event is about.
    #[doc(alias = "addItem")]
    pub fn with_item(mut self, item: ResourceItem<'a>) -> Self {
        self.0 = self.0.with_resource_item(item);
        self
    }
}

impl<'a> UserAttributes<'a> {
    /// Attributes that hold from now on, by the system's clock.
    #[expect(
        clippy::new_without_default,
        reason = "it reads the clock, which a default does not"
    )]
    pub fn new() -> Self {
        Self::made_at(SystemClock.now())
    }

    /// Attributes that were set at this time.
    pub fn made_at(now: SystemTime) -> Self {
        Self(EventRecord::login_user_attributes(unix_ms(now)))
    }
}

/// What both kinds have.
macro_rules! event {
    ($kind:ident) => {
        impl<'a> $kind<'a> {
            /// Says whom it is about, instead of what was said before.
            #[doc(alias = "set_anonymous_id")]
            #[doc(alias = "set_login_user")]
            pub fn with_identity(mut self, identity: Identity<'a>) -> Self {
                identity.put_into(&mut self.0);
                self
            }

            /// Says explicitly when it happened.
            ///
            /// The service uses it only for projects that have this switched on. It is sent
            /// twice, as the event's time and as `sendTime`; without it, there is no
            /// `sendTime`.
            #[doc(alias = "set_event_time")]
            pub fn with_event_time(mut self, time: SystemTime) -> Self {
                self.0 = self.0.with_event_time_ms(unix_ms(time));
                self
            }

            /// Adds an attribute; a repeated key keeps its place and takes the last value.
            #[doc(alias = "add_attribute")]
            pub fn with_attribute(
                mut self,
                key: impl Into<Cow<'a, str>>,
                value: impl Into<AttributeValue<'a>>,
            ) -> Self {
                self.0.attributes.insert(key, value);
                self
            }

            /// Adds attributes to those that are there.
            #[doc(alias = "set_attributes")]
            pub fn with_attributes(mut self, attributes: impl Into<Attributes<'a>>) -> Self {
                self.0 = self.0.with_attributes(attributes.into());
                self
            }

            /// Sets a field that the service gives a meaning.
            pub fn with_preset(mut self, preset: Preset<'a>) -> Self {
                self.0.presets.set(preset);
                self
            }
        }

        impl<'a> From<$kind<'a>> for Message<'a> {
            fn from(event: $kind<'a>) -> Self {
                event.0.into()
            }
        }
    };
}

event!(CustomEvent);
event!(UserAttributes);

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn record<'a>(message: impl Into<Message<'a>>) -> EventRecord<'a> {
        match message.into() {
            Message::Event(event) => *event,
            other => panic!("no event: {other:?}"),
        }
    }

    #[test]
    fn the_time_is_that_of_making_and_only_an_explicit_one_is_sent_twice() {
        let made = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let event = CustomEvent::made_at("e", made);
        let found = record(event.clone());
        assert_eq!(found.timestamp_ms, Some(1_700_000_000_123));
        assert_eq!(found.send_time_ms, None);

        let before = UNIX_EPOCH - Duration::from_millis(1);
        let found = record(event.with_event_time(before));
        assert_eq!(found.timestamp_ms, Some(-1));
        assert_eq!(found.send_time_ms, Some(-1));
    }

    #[test]
    fn an_identity_takes_the_place_of_the_one_before() {
        let event = UserAttributes::made_at(UNIX_EPOCH)
            .with_identity(Identity::anonymous("a"))
            .with_identity(Identity::login_user("u").with_key("email"));
        let found = record(event);
        assert_eq!(found.anonymous_id, None);
        assert_eq!(found.login_user_id.as_deref(), Some("u"));
        assert_eq!(found.login_user_key.as_deref(), Some("email"));
    }

    #[test]
    fn attributes_are_added_to_those_that_are_there() {
        let event = CustomEvent::made_at("e", UNIX_EPOCH)
            .with_attributes([("a", 1), ("b", 2)])
            .with_attributes([("c", 3), ("a", 4)]);
        let found = record(event).attributes;
        let keys: Vec<_> = found.iter().map(|(key, _)| key.as_ref()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert_eq!(found.get("a"), Some(&4.into()));
    }
}
