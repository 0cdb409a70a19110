use std::borrow::Cow;
use std::collections::HashMap;

use super::AttributeValue;
use super::value::{Seq, own};

/// A key and its value.
pub type Attribute<'a> = (Cow<'a, str>, AttributeValue<'a>);

/// Attributes in the order in which their keys first appeared.
///
/// A repeated key keeps its first position and takes its last value. Keys are kept as they
/// are, spaces included.
///
/// ```
/// use growingio_codecs::Attributes;
///
/// let attributes = Attributes::new().with("num", 3).with("tag", "a").with("num", 4);
/// assert_eq!(attributes.len(), 2);
/// assert_eq!(attributes.get("num"), Some(&4.into()));
/// ```
///
/// [`from_slice`](Self::from_slice) borrows an array on the caller's stack and allocates nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes<'a> {
    pairs: Seq<'a, Attribute<'a>>,
}

/// From how many keys on repetitions are found by hashing instead of looking.
const MANY: usize = 24;

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const fn new() -> Self {
        Self { pairs: Seq::new() }
    }

    /// Borrows attributes; when a key is repeated, they are copied to be put in order.
    #[inline]
    pub fn from_slice(pairs: &'a [Attribute<'a>]) -> Self {
        if has_repetitions(pairs) {
            return Self::from_pairs(pairs.to_vec());
        }
        Self {
            pairs: pairs.into(),
        }
    }

    /// Puts owned attributes in order, in one pass however many there are.
    pub(crate) fn from_pairs(mut pairs: Vec<Attribute<'a>>) -> Self {
        if has_repetitions(&pairs) {
            pairs = without_repetitions(pairs);
        }
        Self {
            pairs: pairs.into(),
        }
    }

    /// Adds an attribute, or gives the one of this key another value.
    #[inline]
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<AttributeValue<'a>>) {
        let (key, value) = (key.into(), value.into());
        let pairs = self.pairs.to_mut();
        match pairs.iter_mut().find(|(found, _)| *found == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key, value)),
        }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(
        mut self,
        key: impl Into<Cow<'a, str>>,
        value: impl Into<AttributeValue<'a>>,
    ) -> Self {
        self.insert(key, value);
        self
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&AttributeValue<'a>> {
        self.iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value)
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The attributes in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Attribute<'a>> {
        self.pairs.iter()
    }

    /// The same attributes without borrowed parts.
    pub fn into_owned(self) -> Attributes<'static> {
        Attributes {
            pairs: self
                .pairs
                .into_owned_with(|(key, value)| (own(key), value.into_owned())),
        }
    }
}

#[inline]
fn has_repetitions(pairs: &[Attribute<'_>]) -> bool {
    if pairs.len() < MANY {
        let keys = pairs.iter().enumerate();
        return keys
            .into_iter()
            .any(|(index, (key, _))| pairs[..index].iter().any(|(other, _)| other == key));
    }
    let mut seen = std::collections::HashSet::with_capacity(pairs.len());
    !pairs.iter().all(|(key, _)| seen.insert(key))
}

fn without_repetitions<'a>(pairs: Vec<Attribute<'a>>) -> Vec<Attribute<'a>> {
    let mut places = HashMap::with_capacity(pairs.len());
    let mut kept: Vec<Attribute<'a>> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let place = *places.entry(key.clone()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some((_, old)) => *old = value,
            None => kept.push((key, value)),
        }
    }
    kept
}

impl<'s, 'a> IntoIterator for &'s Attributes<'a> {
    type Item = &'s Attribute<'a>;
    type IntoIter = std::slice::Iter<'s, Attribute<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<AttributeValue<'a>>> FromIterator<(K, V)>
    for Attributes<'a>
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self::from_pairs(
            pairs
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<AttributeValue<'a>>, const N: usize> From<[(K, V); N]>
    for Attributes<'a>
{
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

/// Adds to what is there, as repeated [`insert`](Attributes::insert) would.
impl<'a, K: Into<Cow<'a, str>>, V: Into<AttributeValue<'a>>> Extend<(K, V)> for Attributes<'a> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        let mut all = std::mem::take(self.pairs.to_mut());
        all.extend(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into())),
        );
        *self = Self::from_pairs(all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys<'s>(attributes: &'s Attributes<'_>) -> Vec<&'s str> {
        attributes.iter().map(|(key, _)| key.as_ref()).collect()
    }

    #[test]
    fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
        let mut attributes = Attributes::from([("x", 1), ("y", 2)]);
        attributes.extend([("z", 5), ("x", 3), ("z", 6)]);
        assert_eq!(keys(&attributes), ["x", "y", "z"]);
        assert_eq!(attributes.get("x"), Some(&3.into()));
        assert_eq!(attributes.get("z"), Some(&6.into()));
    }

    #[test]
    fn many_keys_follow_the_same_rule() {
        let numbers = || 0..MANY as i64 * 3;
        let pairs = numbers()
            .chain(numbers())
            .map(|n| ((n % 50).to_string(), n));
        let mut one_by_one = Attributes::new();
        for (key, value) in pairs.clone() {
            one_by_one.insert(key, value);
        }
        assert_eq!(pairs.collect::<Attributes<'_>>(), one_by_one);
        assert_eq!(one_by_one.len(), 50);
    }

    #[test]
    fn borrowed_attributes_are_copied_only_when_a_key_is_repeated() {
        let pairs = [("a".into(), 1.into()), ("b".into(), "x".into())];
        let borrowed = Attributes::from_slice(&pairs);
        assert!(std::ptr::eq(borrowed.iter().as_slice(), &pairs));
        let pairs = [("a".into(), 1.into()), ("a".into(), 2.into())];
        assert_eq!(Attributes::from_slice(&pairs), Attributes::from([("a", 2)]));
    }
}
