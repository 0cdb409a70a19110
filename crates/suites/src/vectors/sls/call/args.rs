use serde_json::{Map, Value};
use sls_core::model::ShardId;

use super::Failure;

/// What an argument is called elsewhere in the recorded client, and what it is called here.
const ALIASES: [(&str, &str); 29] = [
    ("project_name", "project"),
    ("logstore_name", "logstore"),
    ("project_des", "description"),
    ("project_name_pattern", "pattern"),
    ("logstore_name_pattern", "pattern"),
    ("shard_id", "shard"),
    ("shardId", "shard"),
    ("start_time", "from"),
    ("from_time", "from"),
    ("fromTime", "from"),
    ("to_time", "to"),
    ("toTime", "to"),
    ("from_time_nano_part", "from_ns"),
    ("fromNs", "from_ns"),
    ("to_time_nano_part", "to_ns"),
    ("toNs", "to_ns"),
    ("accurate_query", "accurate"),
    ("powerSql", "power_sql"),
    ("sql", "query"),
    ("batch_size", "count"),
    ("hash_key", "hashkey"),
    ("key", "split_hash"),
    ("shardCount", "shard_count"),
    ("index_config", "index_detail"),
    ("group", "consumer_group"),
    ("consumer_group_name", "consumer_group"),
    ("order", "in_order"),
    ("check_point", "checkpoint"),
    ("forceSuccess", "force_success"),
];

/// A call's named arguments.
pub(super) struct Args<'a> {
    call: &'a str,
    named: Vec<(&'a str, &'a Value)>,
}

impl<'a> Args<'a> {
    pub(super) fn new(call: &'a str, args: &'a Value) -> Self {
        let named = args.as_object().into_iter().flat_map(Map::iter);
        let named = named.map(|(name, value)| {
            let alias = ALIASES.iter().find(|(alias, _)| alias == name);
            (alias.map_or(name.as_str(), |(_, name)| name), value)
        });
        Self {
            call,
            named: named.collect(),
        }
    }

    /// An argument we have no counterpart of is a thing that does not exist yet.
    pub(super) fn known(&self, names: &[&str]) -> Result<(), Failure> {
        let known = |name: &str| {
            matches!(name, "project" | "logstore" | "refreshed") || names.contains(&name)
        };
        match self.named.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(Failure::Pending(format!("{} with {name}", self.call))),
            None => Ok(()),
        }
    }

    pub(super) fn value(&self, name: &str) -> &'a Value {
        self.named
            .iter()
            .find(|(found, _)| *found == name)
            .map_or(&Value::Null, |(_, value)| value)
    }

    pub(super) fn optional_text(&self, name: &str) -> Option<&'a str> {
        self.value(name).as_str()
    }

    pub(super) fn text(&self, name: &str) -> &'a str {
        self.optional_text(name).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).as_bool()
    }

    /// A number, or the same as text.
    pub(super) fn signed(&self, name: &str) -> Result<Option<i64>, String> {
        match self.value(name) {
            Value::Null => return Ok(None),
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        }
        .map(Some)
        .ok_or_else(|| format!("argument {name} is not a number"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, String> {
        self.signed(name)?
            .map(|number| {
                u32::try_from(number).map_err(|error| format!("argument {name}: {error}"))
            })
            .transpose()
    }

    pub(super) fn shard(&self) -> Result<ShardId, String> {
        let id = self.number("shard")?;
        id.map(ShardId)
            .ok_or_else(|| "the call names no shard".to_owned())
    }
}
