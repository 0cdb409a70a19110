use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lenient;
use super::{ConsumerName, Cursor, ShardId};

/// Where a consumer group has got to in one shard.
///
/// The service lists one for every shard of the logstore, also where nothing was saved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The shard.
    pub shard: ShardId,
    /// Where to read on; `None` where nothing was saved yet.
    #[serde(
        rename = "checkpoint",
        default,
        serialize_with = "write_none_as_empty",
        deserialize_with = "read_empty_as_none"
    )]
    pub cursor: Option<Cursor>,
    /// When it was saved, in microseconds since the Unix epoch, 0 for never. The manual says
    /// seconds, and its own sample has microseconds.
    #[serde(rename = "updateTime", default, with = "lenient::number")]
    pub update_time_us: u64,
    /// Who saved it, where the service was told.
    #[serde(
        default,
        serialize_with = "write_none_as_empty",
        deserialize_with = "read_empty_as_none"
    )]
    pub consumer: Option<ConsumerName>,
}

impl Checkpoint {
    /// When it was saved; `None` for never.
    pub fn updated(&self) -> Option<SystemTime> {
        match self.update_time_us {
            0 => None,
            micros => UNIX_EPOCH.checked_add(Duration::from_micros(micros)),
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} ", self.shard)?;
        match &self.cursor {
            Some(cursor) => write!(f, "at {cursor}")?,
            None => f.write_str("not read yet")?,
        }
        match &self.consumer {
            Some(consumer) => write!(f, ", saved by {consumer}"),
            None => Ok(()),
        }
    }
}

fn write_none_as_empty<S: Serializer, T: Serialize>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

fn read_empty_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let text = <Option<String>>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(T::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_without_a_checkpoint_has_no_cursor() {
        for text in [
            r#"{"shard":0,"checkpoint":"","updateTime":0,"consumer":""}"#,
            r#"{"shard":0,"checkpoint":null,"consumer":null}"#,
            r#"{"shard":0}"#,
        ] {
            let found: Checkpoint = serde_json::from_str(text).unwrap();
            assert_eq!(found.cursor, None, "{text}");
            assert_eq!(found.consumer, None, "{text}");
            assert_eq!(found.updated(), None, "{text}");
            assert_eq!(
                serde_json::to_string(&found).unwrap(),
                r#"{"shard":0,"checkpoint":"","updateTime":0,"consumer":""}"#
            );
        }
    }

    #[test]
    fn the_time_is_in_microseconds() {
        let text =
            r#"{"shard":1,"checkpoint":"MQ==","updateTime":1524224984800922,"consumer":"c"}"#;
        let found: Checkpoint = serde_json::from_str(text).unwrap();
        let want = UNIX_EPOCH + Duration::from_micros(1_524_224_984_800_922);
        assert_eq!(found.updated(), Some(want));
        assert_eq!(serde_json::to_string(&found).unwrap(), text);
        assert_eq!(found.to_string(), "shard 1 at MQ==, saved by c");
    }
}
