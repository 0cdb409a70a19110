use std::fmt;

use serde::{Deserialize, Serialize};

/// The settings of a logstore.
///
/// ```
/// use sls_core::model::LogstoreConfig;
///
/// let config = LogstoreConfig::named("access-log").with_shard_count(2).with_ttl_days(7);
/// assert_eq!(config.shard_count, 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogstoreConfig {
    /// 3 to 63 lower-case letters, digits, `-` and `_`, beginning and ending with a letter
    /// or a digit; unique in the project.
    #[serde(rename = "logstoreName")]
    pub name: String,
    /// Days a log is kept, 1 to 3650; 3650 means for ever. Default: 30.
    pub ttl: u32,
    /// How many shards there are. Default: 2.
    #[serde(rename = "shardCount")]
    pub shard_count: u32,
    /// Whether anonymous web tracking may write. Default: no.
    #[serde(default)]
    pub enable_tracking: bool,
    /// Whether the service splits busy shards by itself. Default: yes.
    #[serde(rename = "autoSplit", default)]
    pub auto_split: bool,
    /// The most shards that automatic splits may lead to, 1 to 256. Default: 64.
    #[serde(rename = "maxSplitShard", default)]
    pub max_split_shard: u32,
    /// Whether the service adds the tags `__client_ip__` and `__receive_time__`. Default: no.
    #[serde(rename = "appendMeta", default)]
    pub append_meta: bool,
    /// `""`, `None`, `Metrics` or `Event`. Default: `""`.
    #[serde(rename = "telemetryType", default)]
    pub telemetry_type: String,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl LogstoreConfig {
    /// The defaults above under a name; they are those of the official Python client.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ttl: 30,
            shard_count: 2,
            enable_tracking: false,
            auto_split: true,
            max_split_shard: 64,
            append_meta: false,
            telemetry_type: String::new(),
            other: serde_json::Map::new(),
        }
    }

    /// Sets the number of shards to start with.
    #[must_use]
    pub fn with_shard_count(mut self, shards: u32) -> Self {
        self.shard_count = shards;
        self
    }

    /// Sets how many days a log is kept.
    #[must_use]
    pub fn with_ttl_days(mut self, days: u32) -> Self {
        self.ttl = days;
        self
    }
}

impl fmt::Display for LogstoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, shard_count, ..
        } = self;
        write!(f, "logstore {name}: {shard_count} shards, logs kept ")?;
        match self.ttl {
            3650.. => f.write_str("for ever"),
            days => write!(f, "for {days} days"),
        }
    }
}
