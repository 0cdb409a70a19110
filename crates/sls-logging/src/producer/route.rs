use md5::{Digest as _, Md5};
use sls_core::model::{HashKey, Text};
use sls_core::wire::GroupMeta;
use telemetry_delivery::batch::{LaneConfig, TooManyLanes};

/// What the logs of a group share, and where the group goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Route {
    meta: GroupMeta,
    hash_key: Option<HashKey>,
    ordered: bool,
}

/// Why there is no such route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// There are as many as there may be.
    #[error("there are {limit} routes already")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

impl From<TooManyLanes> for RouteError {
    fn from(too_many: TooManyLanes) -> Self {
        Self::TooMany {
            limit: too_many.limit,
        }
    }
}

impl Route {
    /// Over how many places of the hash range keys are spread.
    pub const KEY_BUCKETS: u8 = 64;

    /// No topic, source or tags, and the shard of the service's choice.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the topic, a label of at most 128 bytes on the service.
    pub fn with_topic(mut self, topic: impl Into<Text>) -> Self {
        self.meta = self.meta.with_topic(topic);
        self
    }

    /// Sets the source, by custom an IP address, of at most 128 bytes on the service.
    pub fn with_source(mut self, source: impl Into<Text>) -> Self {
        self.meta = self.meta.with_source(source);
        self
    }

    /// Adds a tag.
    pub fn with_tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.meta = self.meta.with_tag(key, value);
        self
    }

    /// Sends to the shard whose range holds `key`. Default: the shard of the service's choice.
    #[doc(alias = "shard_hash")]
    pub fn with_hash_key(mut self, key: HashKey) -> Self {
        self.hash_key = Some(key);
        self
    }

    /// Sends to the shard of the place that `key` falls on: its MD5, of which the first bits
    /// count.
    pub fn with_key(self, key: impl AsRef<[u8]>) -> Self {
        let digest: [u8; 16] = Md5::digest(key).into();
        let bits = Self::KEY_BUCKETS.trailing_zeros();
        let place = u128::from_be_bytes(digest) >> (128 - bits) << (128 - bits);
        self.with_hash_key(HashKey(place))
    }

    /// Keeps the order in which logs are sent, by one group at a time. Default: off.
    ///
    /// Only within one shard, so of use together with a key.
    pub fn with_order(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// Where the logs go.
    pub fn hash_key(&self) -> Option<HashKey> {
        self.hash_key
    }

    /// The lane of this route.
    ///
    /// Its name has all that a group needs, so that logs in a spool can be sent by a program that
    /// knows nothing of the route.
    pub(crate) fn lane(&self) -> LaneConfig {
        let name = LaneName {
            hash_key: self.hash_key,
            ordered: self.ordered,
            meta: &self.meta.to_wire(),
        };
        let lane = LaneConfig::new(name.to_bytes()).with_order(self.ordered);
        // A quota is that of a shard: of the one a key falls on, or of all together.
        match self.hash_key {
            Some(HashKey(key)) => lane.with_pace_group(key.to_be_bytes()),
            None => lane.with_pace_group(b"any"),
        }
    }
}

/// What the name of a lane says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LaneName<'a> {
    pub(super) hash_key: Option<HashKey>,
    pub(super) ordered: bool,
    /// What a group ends with, in wire form.
    pub(super) meta: &'a [u8],
}

const KEYED: u8 = 1;
const ORDERED: u8 = 2;

impl<'a> LaneName<'a> {
    fn to_bytes(self) -> Vec<u8> {
        let keyed = if self.hash_key.is_some() { KEYED } else { 0 };
        let ordered = if self.ordered { ORDERED } else { 0 };
        let mut name = vec![keyed | ordered];
        if let Some(HashKey(key)) = self.hash_key {
            name.extend_from_slice(&key.to_be_bytes());
        }
        name.extend_from_slice(self.meta);
        name
    }

    /// `None` when a lane of somebody else has this name.
    pub(super) fn parse(name: &'a [u8]) -> Option<Self> {
        let (flags, rest) = name.split_first()?;
        if flags & !(KEYED | ORDERED) != 0 {
            return None;
        }
        let (hash_key, meta) = if flags & KEYED == 0 {
            (None, rest)
        } else {
            let (key, meta) = rest.split_first_chunk::<16>()?;
            (Some(HashKey(u128::from_be_bytes(*key))), meta)
        };
        Some(Self {
            hash_key,
            ordered: flags & ORDERED != 0,
            meta,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_name_tells_all_of_a_route() {
        for hash_key in [None, Some(HashKey(7 << 120))] {
            for ordered in [false, true] {
                for meta in [&b""[..], b"meta"] {
                    let name = LaneName {
                        hash_key,
                        ordered,
                        meta,
                    };
                    assert_eq!(LaneName::parse(&name.to_bytes()), Some(name));
                }
            }
        }
    }

    #[test]
    fn names_of_others_are_not_read() {
        assert_eq!(LaneName::parse(b""), None);
        assert_eq!(LaneName::parse(b"\x04"), None);
        assert_eq!(LaneName::parse(b"\x01too short"), None);
    }

    #[test]
    fn keys_fall_on_few_places_each_on_one() {
        let places: std::collections::BTreeSet<_> = (0..10_000)
            .map(|n| Route::new().with_key(format!("key {n}")).hash_key())
            .collect();
        assert_eq!(places.len(), usize::from(Route::KEY_BUCKETS));
        // The MD5 of "order-17" begins with f9: 1111 10, and then nothing.
        let key = Route::new().with_key("order-17").hash_key();
        let digest: [u8; 16] = Md5::digest("order-17").into();
        let first = u128::from(digest[0] & 0xfc) << 120;
        assert_eq!(key, Some(HashKey(first)));
    }
}
