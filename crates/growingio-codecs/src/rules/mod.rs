//! What a record must have, and how long its parts may be.

mod invalid;
mod limits;

use std::borrow::Cow;

use crate::batch::Record;
use crate::record::{
    AttributeValue, Attributes, EventRecord, EventType, ItemRecord, NOT_USER, PresetValue,
    UserMapping,
};
use crate::text::MAX_DEPTH;

pub use invalid::{Field, Invalid};
pub use limits::Limits;

/// Decides whether a record may be sent.
///
/// The service does not say what it refuses, and what it cannot use is lost without notice.
/// Strict rules, the default, refuse what the manual or the service's own SDKs call
/// incomplete:
///
/// | record | what it needs |
/// |---|---|
/// | all | product id and data source id |
/// | custom event | a name, and an anonymous id or a login user id unless the login user key is [`NOT_USER`] |
/// | login user attributes | a login user id |
/// | event with a login user key | a login user id, unless the key is [`NOT_USER`] |
/// | item | key and id |
/// | user mapping | at least one id, none of them empty |
///
/// Lenient rules refuse only what cannot be written: NaN, infinities, values nested more
/// than 32 deep. Limits on lengths come on top of either when asked for.
///
/// ```
/// use growingio_codecs::{EventRecord, Rules};
///
/// let orphan = EventRecord::custom("paid", 7).with_ids("p", "d");
/// let error = Rules::strict().check(&orphan).unwrap_err();
/// assert_eq!(error.to_string(), "neither anonymous_id nor login_user_id is given");
/// assert!(Rules::lenient().check(&orphan).is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Rules {
    strict: bool,
    limits: Option<Limits>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::strict()
    }
}

impl Rules {
    /// Refuses records that the service cannot use.
    pub const fn strict() -> Self {
        Self {
            strict: true,
            limits: None,
        }
    }

    /// Refuses only what cannot be written.
    pub const fn lenient() -> Self {
        Self {
            strict: false,
            limits: None,
        }
    }

    /// Refuses what is longer or more than this, too. Nothing is ever cut. Default: no limits.
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Checks a record.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with the field's name.
    pub fn check<R: Record>(&self, record: &R) -> Result<(), Invalid> {
        record.check(self)
    }

    pub(crate) fn check_event(&self, event: &EventRecord<'_>) -> Result<(), Invalid> {
        if self.strict {
            check_subject(event)?;
            present("product_id", &event.product_id)?;
            present("data_source_id", &event.data_source_id)?;
        }
        if let Some(limits) = &self.limits {
            limits.check_text("event_name", &event.event_name, limits.event_name_chars)?;
            let id = &event.login_user_id;
            limits.check_text("login_user_id", id, limits.login_user_id_chars)?;
        }
        for preset in &event.presets {
            if matches!(preset.value(), PresetValue::Double(value) if !value.is_finite()) {
                return Err(Invalid::NotFinite(Field::named(preset.key())));
            }
        }
        self.check_attributes(&event.attributes)?;
        match &event.resource_item {
            Some(item) => self.check_attributes(&item.attributes),
            None => Ok(()),
        }
    }

    pub(crate) fn check_item(&self, item: &ItemRecord<'_>) -> Result<(), Invalid> {
        if self.strict {
            present("item_key", &item.item_key)?;
            present("item_id", &item.item_id)?;
            present("product_id", &item.product_id)?;
            present("data_source_id", &item.data_source_id)?;
        }
        match &item.attributes {
            Some(attributes) => self.check_attributes(attributes),
            None => Ok(()),
        }
    }

    pub(crate) fn check_user_mapping(&self, mapping: &UserMapping<'_>) -> Result<(), Invalid> {
        let missing = |name| Err(Invalid::Missing(Field::named(name)));
        for (key, id) in &mapping.identities {
            if self.strict && (key.is_empty() || id.is_empty()) {
                return Err(Invalid::Missing(Field::keyed("identity", key)));
            }
            if let Some(limits) = &self.limits {
                let field = || Field::keyed("identity", key);
                limits::within(field, id.chars().count(), limits.login_user_id_chars)?;
            }
        }
        match mapping {
            _ if !self.strict => Ok(()),
            mapping if mapping.identities.is_empty() => missing("identities"),
            mapping if mapping.product_id.is_empty() => missing("product_id"),
            mapping if mapping.data_source_id.is_empty() => missing("data_source_id"),
            _ => Ok(()),
        }
    }

    fn check_attributes(&self, attributes: &Attributes<'_>) -> Result<(), Invalid> {
        for (key, value) in attributes {
            check_value(value, MAX_DEPTH).map_err(|wrong| wrong.at(key))?;
        }
        match &self.limits {
            Some(limits) => limits.check_attributes(attributes),
            None => Ok(()),
        }
    }
}

/// Whom or what the event is about.
fn check_subject(event: &EventRecord<'_>) -> Result<(), Invalid> {
    let given = |text: &Option<_>| text.as_deref().is_some_and(|text: &str| !text.is_empty());
    let (key, id) = (&event.login_user_key, &event.login_user_id);
    let not_user = key.as_deref() == Some(NOT_USER);
    match &event.event_type {
        EventType::Custom => {
            present("event_name", &event.event_name)?;
            if !not_user && !given(id) && !given(&event.anonymous_id) {
                return Err(Invalid::NoIdentity);
            }
        }
        EventType::LoginUserAttributes => present("login_user_id", id)?,
        EventType::Unknown(name) => return Err(Invalid::UnknownEventType(name.to_string())),
        _ => {}
    }
    if given(key) && !not_user && !given(id) {
        return Err(Invalid::KeyWithoutId);
    }
    Ok(())
}

fn present(name: &'static str, text: &Option<Cow<'_, str>>) -> Result<(), Invalid> {
    match text {
        Some(text) if !text.is_empty() => Ok(()),
        _ => Err(Invalid::Missing(Field::named(name))),
    }
}

/// What is wrong with a value, wherever it is.
enum Wrong {
    NotFinite,
    TooDeep,
}

impl Wrong {
    fn at(self, key: &str) -> Invalid {
        let field = Field::keyed("attribute", key);
        match self {
            Self::NotFinite => Invalid::NotFinite(field),
            Self::TooDeep => Invalid::TooDeep {
                field,
                limit: MAX_DEPTH,
            },
        }
    }
}

fn check_value(value: &AttributeValue<'_>, depth: usize) -> Result<(), Wrong> {
    let deeper = || depth.checked_sub(1).ok_or(Wrong::TooDeep);
    match value {
        AttributeValue::Double(value) if !value.is_finite() => Err(Wrong::NotFinite),
        AttributeValue::List(values) => {
            let depth = deeper()?;
            values
                .iter()
                .try_for_each(|value| check_value(value, depth))
        }
        AttributeValue::Map(pairs) => {
            let depth = deeper()?;
            pairs
                .iter()
                .try_for_each(|(_, value)| check_value(value, depth))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom() -> EventRecord<'static> {
        EventRecord::custom("e", 1)
            .with_anonymous_id("a")
            .with_ids("p", "d")
    }

    fn user() -> EventRecord<'static> {
        EventRecord::login_user_attributes(1)
            .with_login_user_id("u")
            .with_ids("p", "d")
    }

    #[track_caller]
    fn check<R: Record>(rules: Rules, record: &R, want: &str) {
        let got = rules.check(record);
        let got = got.map_or_else(|invalid| invalid.to_string(), |()| "fine".to_owned());
        assert_eq!(got, want);
    }

    #[track_caller]
    fn strict<R: Record>(record: &R, want: &str) {
        check(Rules::strict(), record, want);
    }

    #[test]
    fn a_custom_event_needs_a_name_and_somebody() {
        strict(&custom(), "fine");
        let mut event = custom();
        event.event_name = Some("".into());
        strict(&event, "event_name is missing or empty");
        let mut event = custom().with_anonymous_id("");
        strict(&event, "neither anonymous_id nor login_user_id is given");
        event = event.with_login_user_id("u");
        strict(&event, "fine");
    }

    #[test]
    fn an_event_that_is_not_about_a_user_needs_no_id() {
        let mut event = custom().with_login_user_key(NOT_USER);
        event.anonymous_id = None;
        strict(&event, "fine");
    }

    #[test]
    fn a_login_user_key_needs_its_id() {
        let event = custom().with_login_user_key("email");
        strict(&event, "login_user_key is given without login_user_id");
        strict(&event.with_login_user_id("u"), "fine");
    }

    #[test]
    fn attributes_of_a_user_need_the_login_user_id() {
        strict(&user(), "fine");
        let event = user().with_login_user_id("").with_anonymous_id("a");
        strict(&event, "login_user_id is missing or empty");
    }

    #[test]
    fn every_record_needs_product_and_data_source() {
        strict(
            &custom().with_ids("", "d"),
            "product_id is missing or empty",
        );
        strict(
            &user().with_ids("p", ""),
            "data_source_id is missing or empty",
        );
        strict(&ItemRecord::new("k", "i"), "product_id is missing or empty");
        let mapping = UserMapping::new(1).with_identity("email", "e");
        strict(&mapping, "product_id is missing or empty");
    }

    #[test]
    fn an_item_needs_key_and_id() {
        let item = |key, id| ItemRecord::new(key, id).with_ids("p", "d");
        strict(&item("k", "i"), "fine");
        strict(&item("", "i"), "item_key is missing or empty");
        strict(&item("k", ""), "item_id is missing or empty");
    }

    #[test]
    fn a_user_mapping_needs_ids() {
        let mapping = UserMapping::new(1).with_ids("p", "d");
        strict(&mapping, "identities is missing or empty");
        let mapping = mapping.with_identity("email", "");
        strict(&mapping, "identity \"email\" is missing or empty");
        strict(&mapping.with_identity("email", "e"), "fine");
    }

    #[test]
    fn lenient_rules_refuse_only_what_cannot_be_written() {
        let lenient = |event: &EventRecord<'_>, want| check(Rules::lenient(), event, want);
        let orphan = || EventRecord::custom("", 1);
        lenient(&orphan(), "fine");
        let event = orphan().with_attribute("n", f64::NAN);
        lenient(&event, "attribute \"n\" is not a finite number");
        let event = orphan().with_attribute("l", [0.5, f64::INFINITY]);
        lenient(&event, "attribute \"l\" is not a finite number");
        let event = orphan().with_preset(crate::record::Preset::Latitude(f64::NAN));
        lenient(&event, "latitude is not a finite number");
        let deep = (0..33).fold(AttributeValue::Null, |value, _| vec![value].into());
        let event = orphan().with_attribute("d", deep);
        lenient(&event, "attribute \"d\" is nested more than 32 deep");
    }

    #[test]
    fn limits_count_characters_and_apply_to_joined_texts() {
        let limits = Limits {
            event_name_chars: 3,
            login_user_id_chars: 3,
            attributes: 2,
            key_chars: 3,
            value_chars: 6,
            list_elements: 3,
        };
        let event = |name: &'static str| EventRecord::custom(name, 1);
        let limited = |event: EventRecord<'_>, want| {
            check(Rules::lenient().with_limits(limits), &event, want);
        };
        limited(event("绘画纸"), "fine");
        limited(event("abcd"), "event_name: 4 are more than the limit of 3");
        let who = event("e").with_login_user_id("abcd");
        limited(who, "login_user_id: 4 are more than the limit of 3");
        let key = event("e").with_attribute("long", 1);
        limited(
            key,
            "key of attribute \"long\": 4 are more than the limit of 3",
        );
        let list = event("e").with_attribute("l", ["ab", "cd"]);
        limited(list, "fine");
        let list = event("e").with_attribute("l", ["ab", "cde"]);
        limited(list, "attribute \"l\": 7 are more than the limit of 6");
        let list = event("e").with_attribute("l", ["", "", "", ""]);
        limited(
            list,
            "elements of attribute \"l\": 4 are more than the limit of 3",
        );
        let many = Attributes::from([("a", 1), ("b", 2), ("c", 3)]);
        limited(
            event("e").with_attributes(many),
            "attributes: 3 are more than the limit of 2",
        );
    }
}
