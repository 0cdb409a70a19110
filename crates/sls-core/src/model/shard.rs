use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The number of a shard, unique within its logstore and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub u32);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a shard still takes writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ShardStatus {
    /// Takes writes and reads.
    ReadWrite,
    /// Was split or merged: gives what it holds until that expires, and takes no writes.
    ReadOnly,
    /// A status this version does not know, kept as the service wrote it.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for ShardStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadWrite => "readwrite",
            Self::ReadOnly => "readonly",
            Self::Other(text) => text,
        })
    }
}

/// A point of the 128-bit space that shards divide among themselves.
///
/// A routed put names one as a prefix in hexadecimal; `"5F"` stands for `5f00…00`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashKey(pub u128);

impl HashKey {
    /// The lowest point, where the first shard begins.
    pub const MIN: Self = Self(0);
    /// The highest point; the last shard ends here and includes it.
    pub const MAX: Self = Self(u128::MAX);
}

impl FromStr for HashKey {
    type Err = InvalidHashKey;

    fn from_str(text: &str) -> Result<Self, InvalidHashKey> {
        let digits = text.len();
        if !(1..=32).contains(&digits) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidHashKey);
        }
        let value = u128::from_str_radix(text, 16).map_err(|_| InvalidHashKey)?;
        Ok(Self(value << (4 * (32 - digits))))
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashKey({self})")
    }
}

impl Serialize for HashKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HashKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A hash key is 1 to 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash key is 1 to 32 hexadecimal digits")]
pub struct InvalidHashKey;

/// A shard as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number.
    #[serde(rename = "shardID")]
    pub id: ShardId,
    /// Whether it takes writes.
    pub status: ShardStatus,
    /// The first hash key it takes.
    #[serde(rename = "inclusiveBeginKey")]
    pub begin: HashKey,
    /// The first hash key it no longer takes; [`HashKey::MAX`] belongs to the last shard.
    #[serde(rename = "exclusiveEndKey")]
    pub end: HashKey,
    /// When it was made, in seconds since the Unix epoch.
    #[serde(rename = "createTime", default)]
    pub create_time: u64,
}

impl Shard {
    /// When it was made.
    pub fn created(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.create_time)
    }

    /// Whether a routed put with this key lands here.
    pub fn takes(&self, key: HashKey) -> bool {
        self.begin <= key && (key < self.end || self.end == HashKey::MAX)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shard {} {} [{}, {})",
            self.id, self.status, self.begin, self.end
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_hash_key_is_a_prefix() {
        let key: HashKey = "5F".parse().unwrap();
        assert_eq!(key.to_string(), "5f000000000000000000000000000000");
        for bad in ["", "xy", "000000000000000000000000000000000", "+1"] {
            assert_eq!(bad.parse::<HashKey>(), Err(InvalidHashKey), "{bad}");
        }
    }

    #[test]
    fn the_highest_key_belongs_to_the_last_shard() {
        let shard: Shard = serde_json::from_str(
            r#"{"shardID":1,"status":"readwrite","inclusiveBeginKey":"80000000000000000000000000000000","exclusiveEndKey":"ffffffffffffffffffffffffffffffff","createTime":1}"#,
        )
        .unwrap();
        assert!(shard.takes(HashKey::MAX));
        assert!(!shard.takes(HashKey::MIN));
    }

    #[test]
    fn an_unknown_status_is_kept() {
        let status: ShardStatus = serde_json::from_str(r#""moving""#).unwrap();
        assert_eq!(status, ShardStatus::Other("moving".into()));
        assert_eq!(serde_json::to_string(&status).unwrap(), r#""moving""#);
    }
}
