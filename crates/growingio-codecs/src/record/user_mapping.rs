use std::borrow::Cow;
use std::collections::HashMap;

use super::value::own;

/// Ids of several kinds that belong to one user.
///
/// Only protobuf carries it.
///
/// ```
/// use growingio_codecs::UserMapping;
///
/// let mapping = UserMapping::new(1_700_000_000_123)
///     .with_identity("email", "user@example.com")
///     .with_identity("phone", "13800000000")
///     .with_ids("my-product", "my-data-source");
/// assert_eq!(mapping.identities.len(), 2);
/// ```
#[doc(alias = "UserMappingDto")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserMapping<'a> {
    /// When the mapping was made, in milliseconds since the Unix epoch; 0 is left out.
    pub send_time_ms: i64,
    /// Login user key and login user id of each kind, every key once.
    #[doc(alias = "identifies")]
    pub identities: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The data source, one of several of a project; an empty one is left out.
    pub data_source_id: Cow<'a, str>,
    /// The product, or project; an empty one is left out.
    #[doc(alias = "project_key")]
    pub product_id: Cow<'a, str>,
}

impl<'a> UserMapping<'a> {
    /// A mapping without ids, made at a time in milliseconds since the Unix epoch.
    pub fn new(made_at_ms: i64) -> Self {
        Self {
            send_time_ms: made_at_ms,
            ..Self::default()
        }
    }

    /// Adds the user's id of one kind; the last id of a kind counts.
    #[must_use]
    pub fn with_identity(
        mut self,
        login_user_key: impl Into<Cow<'a, str>>,
        login_user_id: impl Into<Cow<'a, str>>,
    ) -> Self {
        let (key, id) = (login_user_key.into(), login_user_id.into());
        match self.identities.iter_mut().find(|(found, _)| *found == key) {
            Some((_, old)) => *old = id,
            None => self.identities.push((key, id)),
        }
        self
    }

    /// Takes ids of which the last of each kind counts, however many there are.
    pub(crate) fn set_identities(
        &mut self,
        identities: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) {
        let mut places = HashMap::new();
        self.identities.clear();
        for (key, id) in identities {
            let place = *places.entry(key.clone()).or_insert(self.identities.len());
            match self.identities.get_mut(place) {
                Some((_, old)) => *old = id,
                None => self.identities.push((key, id)),
            }
        }
    }

    /// Sets product and data source, which every record needs.
    #[must_use]
    pub fn with_ids(
        mut self,
        product_id: impl Into<Cow<'a, str>>,
        data_source_id: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.product_id = product_id.into();
        self.data_source_id = data_source_id.into();
        self
    }

    /// The same mapping without borrowed parts.
    pub fn into_owned(self) -> UserMapping<'static> {
        UserMapping {
            send_time_ms: self.send_time_ms,
            identities: self
                .identities
                .into_iter()
                .map(|(key, id)| (own(key), own(id)))
                .collect(),
            data_source_id: own(self.data_source_id),
            product_id: own(self.product_id),
        }
    }
}
