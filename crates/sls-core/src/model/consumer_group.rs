use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lenient;

/// Consumers that share the shards of a logstore, as the service knows them.
///
/// The service keeps a checkpoint for every shard of a group and says with every heartbeat
/// which shards a consumer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerGroup {
    /// Its name, unique in the logstore.
    // A list writes `name` where a creation writes `consumerGroup`.
    #[serde(alias = "consumerGroup")]
    pub name: String,
    /// A consumer that sends no heartbeat for longer loses its shards. Whole seconds on the
    /// wire; the official clients use 40 to 60 seconds.
    #[serde(with = "lenient::seconds")]
    pub timeout: Duration,
    /// Whether a shard is read only after the shards it came from by a split or a merge.
    #[serde(rename = "order", default)]
    pub in_order: bool,
}

impl ConsumerGroup {
    /// A group whose consumers read all shards at once.
    pub fn new(name: impl Into<String>, timeout: Duration) -> Self {
        Self {
            name: name.into(),
            timeout,
            in_order: false,
        }
    }

    /// Has shards read only after the shards they came from. Default: no.
    #[must_use]
    pub fn with_in_order(mut self, in_order: bool) -> Self {
        self.in_order = in_order;
        self
    }
}

impl fmt::Display for ConsumerGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.in_order { ", in order" } else { "" };
        write!(
            f,
            "consumer group {}: timeout {:?}{order}",
            self.name, self.timeout
        )
    }
}

/// The name of one member of a consumer group, unique in the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsumerName(String);

impl ConsumerName {
    /// Names a consumer; a name that another living consumer bears makes the two fight
    /// over the same shards.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for ConsumerName {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&str> for ConsumerName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_the_name_are_read() {
        for text in [
            r#"{"name":"g","timeout":40,"order":true}"#,
            r#"{"consumerGroup":"g","timeout":"40","order":true}"#,
        ] {
            let group: ConsumerGroup = serde_json::from_str(text).unwrap();
            let want = ConsumerGroup::new("g", Duration::from_secs(40)).with_in_order(true);
            assert_eq!(group, want, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_rounded_up() {
        let group = ConsumerGroup::new("g", Duration::from_millis(1));
        let text = serde_json::to_string(&group).unwrap();
        assert_eq!(text, r#"{"name":"g","timeout":1,"order":false}"#);
    }
}
