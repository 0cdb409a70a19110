use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Days a log stays in hot storage, at most [`ttl`](Self::ttl); -1 means all of them.
    /// Default: the service's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hot_ttl: Option<i32>,
    /// Days a log stays in infrequent-access storage. Default: the service's choice.
    #[serde(
        rename = "infrequentAccessTTL",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub infrequent_access_ttl: Option<i32>,
    /// `standard`, or `query` for a cheaper one without analysis. Default: the service's
    /// choice, which is `standard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// How the service encrypts what it stores. Default: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_conf: Option<EncryptConfig>,
    /// Whether logs can be changed and deleted one by one. Default: no.
    #[serde(
        rename = "enableModify",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_modify: Option<bool>,
    /// When it was made, in seconds since the Unix epoch; only the service sets it.
    #[serde(
        rename = "createTime",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub create_time: Option<u64>,
    /// When its settings last changed, in seconds since the Unix epoch; only the service
    /// sets it.
    #[serde(
        rename = "lastModifyTime",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub last_modify_time: Option<u64>,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
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
            hot_ttl: None,
            infrequent_access_ttl: None,
            mode: None,
            encrypt_conf: None,
            enable_modify: None,
            create_time: None,
            last_modify_time: None,
            other: Map::new(),
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

    /// The members that a client may write: all but those that only the service sets,
    /// which a server may refuse as redundant.
    pub(crate) fn writable(&self) -> Value {
        const SET_BY_THE_SERVICE: [&str; 3] = ["createTime", "lastModifyTime", "productType"];
        let mut body = serde_json::to_value(self)
            .expect("the settings have string keys and no failing member");
        if let Some(members) = body.as_object_mut() {
            members.retain(|name, _| !SET_BY_THE_SERVICE.contains(&name.as_str()));
        }
        body
    }
}

/// How the service encrypts what a logstore stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptConfig {
    /// Whether it encrypts at all.
    #[serde(default)]
    pub enable: bool,
    /// `default`, or the name of another algorithm that the service knows; may be absent
    /// where nothing is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_type: Option<String>,
    /// A key of the account's own. Default: a key of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_cmk_info: Option<CustomerKey>,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A key of the account's own in the key management service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerKey {
    /// The key's id.
    pub cmk_key_id: String,
    /// The role that lets the log service use the key.
    pub arn: String,
    /// The region the key is in.
    pub region_id: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_that_is_off_needs_no_algorithm() {
        let text = r#"{"logstoreName":"l","ttl":1,"shardCount":1,"encrypt_conf":{"enable":false}}"#;
        let config: LogstoreConfig = serde_json::from_str(text).unwrap();
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(
            written["encrypt_conf"],
            serde_json::json!({"enable": false})
        );
    }
    use serde_json::json;

    #[test]
    fn what_the_service_sets_is_read_and_never_written() {
        let got = json!({
            "logstoreName": "l", "ttl": 30, "shardCount": 2, "enable_tracking": false,
            "autoSplit": true, "maxSplitShard": 64, "appendMeta": false, "telemetryType": "",
            "hot_ttl": -1, "createTime": 1, "lastModifyTime": 2, "productType": "", "new": [],
        });
        let config: LogstoreConfig = serde_json::from_value(got.clone()).unwrap();
        assert_eq!(config.create_time, Some(1));
        assert_eq!(serde_json::to_value(&config).unwrap(), got);
        let written = config.writable();
        assert_eq!(written["new"], json!([]));
        assert_eq!(written["hot_ttl"], json!(-1));
        for name in ["createTime", "lastModifyTime", "productType"] {
            assert!(written.get(name).is_none(), "{name}");
        }
    }
}
