use std::borrow::Cow;

use growingio_codecs::EventRecord;
use growingio_codecs::record::NOT_USER;

/// Whom an event is about: a visitor, a login user, or both.
///
/// ```
/// use growingio_tracker::Identity;
///
/// let visitor = Identity::anonymous("device-1");
/// let user = Identity::login_user("user@example.com").with_key("email");
/// let both = user.with_anonymous_id("device-1");
/// # let _ = (visitor, both);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Identity<'a> {
    anonymous_id: Option<Cow<'a, str>>,
    login_user_key: Option<Cow<'a, str>>,
    login_user_id: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    /// A visitor who is known by a device only.
    #[doc(alias = "device_id")]
    pub fn anonymous(id: impl Into<Cow<'a, str>>) -> Self {
        Self::default().with_anonymous_id(id)
    }

    /// A user who has logged in.
    #[doc(alias = "user_id")]
    pub fn login_user(id: impl Into<Cow<'a, str>>) -> Self {
        Self {
            login_user_id: Some(id.into()),
            ..Self::default()
        }
    }

    /// Nobody: the event's subject is not a user, and needs no id.
    #[doc(alias = "$notuser")]
    pub fn not_user() -> Self {
        Self::default().with_key(NOT_USER)
    }

    /// Says which kind of id the login user id is, such as `email`.
    #[doc(alias = "login_user_key")]
    pub fn with_key(mut self, key: impl Into<Cow<'a, str>>) -> Self {
        self.login_user_key = Some(key.into());
        self
    }

    /// Adds the visitor's id.
    pub fn with_anonymous_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.anonymous_id = Some(id.into());
        self
    }

    /// Writes what is there into a record.
    pub(crate) fn put_into(self, record: &mut EventRecord<'a>) {
        record.anonymous_id = self.anonymous_id;
        record.login_user_key = self.login_user_key;
        record.login_user_id = self.login_user_id;
    }
}
