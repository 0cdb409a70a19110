//! The settings of a logstore: what may be set, and to what.

use serde_json::{Map, Value};
use sls_core::model::LogstoreConfig;

use crate::refusal::Refusal;

/// A retention of so many days means for ever.
pub(super) const FOREVER_DAYS: u32 = 3650;
/// The most bytes of settings, members that are only kept included.
const MAX_SETTINGS: usize = 64 << 10;

/// `base` with the members of `changes` over it, checked; at most `max_shards` take writes.
pub(super) fn merge(
    base: &LogstoreConfig,
    mut changes: Map<String, Value>,
    max_shards: u32,
) -> Result<LogstoreConfig, Refusal> {
    let invalid = |message: String| Refusal::bad("LogStoreInfoInvalid", message);
    // What the server says about a logstore is not for a client to set; clients send it
    // back because they read the settings before they change them.
    for own in ["createTime", "lastModifyTime"] {
        changes.remove(own);
    }
    // The Java client writes -1 for a number that it was not told.
    let most = changes.get("maxSplitShard").and_then(Value::as_i64);
    if most.is_some_and(|most| most < 0) {
        changes.remove("maxSplitShard");
    }
    let Ok(Value::Object(mut merged)) = serde_json::to_value(base) else {
        let message = "settings cannot be written";
        return Err(Refusal::internal("InternalServerError", message));
    };
    merged.extend(changes);
    let size = Value::Object(merged.clone()).to_string().len();
    if size > MAX_SETTINGS {
        return Err(invalid(format!(
            "settings are longer than {MAX_SETTINGS} bytes"
        )));
    }
    let config: LogstoreConfig = serde_json::from_value(Value::Object(merged))
        .map_err(|cause| invalid(format!("settings cannot be read: {cause}")))?;
    if !(1..=FOREVER_DAYS).contains(&config.ttl) {
        return Err(invalid(format!("ttl must be 1 to {FOREVER_DAYS} days")));
    }
    if !(1..=max_shards).contains(&config.shard_count) {
        return Err(invalid(format!("shardCount must be 1 to {max_shards}")));
    }
    if config.max_split_shard > max_shards {
        return Err(invalid(format!("maxSplitShard must be 1 to {max_shards}")));
    }
    Ok(config)
}
