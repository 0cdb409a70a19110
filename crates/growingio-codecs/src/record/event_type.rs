use std::borrow::Cow;

/// What kind of event a record is.
///
/// Server-side SDKs make two kinds, [`Custom`](Self::Custom) and
/// [`LoginUserAttributes`](Self::LoginUserAttributes); the others come from apps and pages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventType {
    /// A visit began.
    Visit,
    /// A custom event, which the project defined.
    Custom,
    /// Attributes of an anonymous visitor.
    VisitorAttributes,
    /// Attributes of a login user.
    LoginUserAttributes,
    /// Conversion variables.
    ConversionVariables,
    /// The app was closed or went to the background.
    AppClosed,
    /// A page was shown.
    Page,
    /// Attributes of a page.
    PageAttributes,
    /// An element was clicked.
    ViewClick,
    /// The content of an element changed.
    ViewChange,
    /// A form was submitted.
    FormSubmit,
    /// The app was started for the first time.
    Activate,
    /// A name, or a number as text, that this version does not know.
    ///
    /// Only decoders make it. Protobuf has numbers only, so a name is left out there.
    Unknown(Cow<'static, str>),
}

/// The known kinds; the place of each is its number in protobuf.
const KNOWN: [(EventType, &str); 12] = [
    (EventType::Visit, "VISIT"),
    (EventType::Custom, "CUSTOM"),
    (EventType::VisitorAttributes, "VISITOR_ATTRIBUTES"),
    (EventType::LoginUserAttributes, "LOGIN_USER_ATTRIBUTES"),
    (EventType::ConversionVariables, "CONVERSION_VARIABLES"),
    (EventType::AppClosed, "APP_CLOSED"),
    (EventType::Page, "PAGE"),
    (EventType::PageAttributes, "PAGE_ATTRIBUTES"),
    (EventType::ViewClick, "VIEW_CLICK"),
    (EventType::ViewChange, "VIEW_CHANGE"),
    (EventType::FormSubmit, "FORM_SUBMIT"),
    (EventType::Activate, "ACTIVATE"),
];

impl EventType {
    /// The name, as JSON has it.
    pub fn name(&self) -> &str {
        match self {
            // The two that are on every server's hot path.
            Self::Custom => "CUSTOM",
            Self::LoginUserAttributes => "LOGIN_USER_ATTRIBUTES",
            Self::Unknown(name) => name,
            known => KNOWN
                .iter()
                .find(|(kind, _)| kind == known)
                .map_or("", |(_, name)| name),
        }
    }

    /// The number, as protobuf has it; `None` for an unknown name.
    pub fn number(&self) -> Option<i32> {
        match self {
            Self::Custom => Some(1),
            Self::LoginUserAttributes => Some(3),
            Self::Unknown(name) => name.parse().ok(),
            known => KNOWN
                .iter()
                .position(|(kind, _)| kind == known)
                .and_then(|place| i32::try_from(place).ok()),
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Self {
        KNOWN.iter().find(|(_, known)| *known == name).map_or_else(
            || Self::Unknown(name.to_owned().into()),
            |(kind, _)| kind.clone(),
        )
    }

    /// The kind of this number.
    pub fn from_number(number: i32) -> Self {
        usize::try_from(number)
            .ok()
            .and_then(|place| KNOWN.get(place))
            .map_or_else(
                || Self::Unknown(number.to_string().into()),
                |(kind, _)| kind.clone(),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for (place, (kind, name)) in KNOWN.iter().enumerate() {
            assert_eq!(EventType::from_name(name), *kind);
            assert_eq!(EventType::from_number(place as i32), *kind);
            assert_eq!(kind.name(), *name);
            assert_eq!(kind.number(), Some(place as i32));
        }
    }

    #[test]
    fn the_unknown_is_kept() {
        assert_eq!(EventType::from_name("SHAKE").name(), "SHAKE");
        assert_eq!(EventType::from_name("SHAKE").number(), None);
        assert_eq!(EventType::from_number(-3).number(), Some(-3));
    }
}
