//! A logstore: settings, shards, and which shard a put goes to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Map, Value};
use sls_core::model::{CursorPosition, HashKey, LogstoreConfig, Shard, ShardId};

use super::key_range::KeyRange;
use super::shard::{Pulled, ShardState};
use super::storage::{Record, StorageError};
use super::{DAY, Logs, PutError, names, unix_seconds};
use crate::refusal::Refusal;

/// The most shards a logstore may have, as the manual has it for automatic splits.
pub(crate) const MAX_SHARDS: u32 = 256;
/// A retention of so many days means for ever.
const FOREVER_DAYS: u32 = 3650;
/// The most bytes of settings, members that are only kept included.
const MAX_SETTINGS: usize = 64 << 10;

/// How a put finds its shard.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PutRoute {
    /// One writable shard after the other.
    Balanced,
    /// The writable shard whose range has this key.
    Key(HashKey),
}

#[derive(Debug)]
pub(crate) struct Logstore {
    name: String,
    created: SystemTime,
    logs: Logs,
    settings: RwLock<Settings>,
    /// Held for reading while a group is appended, for writing while shards come and go:
    /// no group lands in a shard after its split.
    shards: RwLock<Vec<ShardState>>,
    turn: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Settings {
    config: LogstoreConfig,
    modified: SystemTime,
}

impl Logstore {
    /// A logstore with its first shards, from settings as they came.
    pub(super) fn new(
        settings: Map<String, Value>,
        logs: Logs,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let defaults = serde_json::to_value(LogstoreConfig::named("")).unwrap_or_default();
        let config = merge(defaults, settings)?;
        names::check_logstore(&config.name)?;
        let shards = KeyRange::split_evenly(config.shard_count)
            .into_iter()
            .zip(0..)
            .map(|(range, id)| open_shard(&logs, ShardId(id), range, now))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: config.name.clone(),
            created: now,
            logs,
            settings: RwLock::new(Settings {
                config,
                modified: now,
            }),
            shards: RwLock::new(shards),
            turn: AtomicUsize::new(0),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The settings as a client sees them.
    pub(crate) fn describe(&self) -> LogstoreConfig {
        let Settings {
            mut config,
            modified,
        } = self.settings().clone();
        let times = [("createTime", self.created), ("lastModifyTime", modified)];
        for (name, time) in times {
            config
                .other
                .insert(name.to_owned(), unix_seconds(time).into());
        }
        config
            .other
            .entry("productType")
            .or_insert_with(|| Value::from(""));
        config
    }

    /// The settings as they were set.
    pub(crate) fn config(&self) -> LogstoreConfig {
        self.settings().config.clone()
    }

    /// Takes over the members that are given; the others stay.
    pub(crate) fn update(
        &self,
        changes: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let mut settings = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let current = serde_json::to_value(&settings.config).unwrap_or_default();
        let config = merge(current, changes)?;
        if config.name != self.name {
            let message = format!("logstoreName {:?} is not {:?}", config.name, self.name);
            return Err(Refusal::parameter(message));
        }
        if config.shard_count != settings.config.shard_count {
            return Err(Refusal::parameter(
                "invalid shard count,you can only modify shardCount by split& merge shard",
            ));
        }
        *settings = Settings {
            config,
            modified: now,
        };
        Ok(())
    }

    /// All shards by number, those that take no more writes included.
    pub(crate) fn shards(&self, now: SystemTime) -> Result<Vec<Shard>, Refusal> {
        self.expire(now)?;
        Ok(self
            .read_shards()
            .iter()
            .map(ShardState::describe)
            .collect())
    }

    /// Stores a group that was checked before.
    pub(super) fn put(
        &self,
        group: Bytes,
        route: PutRoute,
        now: SystemTime,
    ) -> Result<(), PutError> {
        let ttl = self.ttl();
        let shards = self.read_shards();
        let mut writable = shards.iter().filter(|shard| shard.is_writable());
        let shard = match route {
            PutRoute::Balanced => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                let count = writable.clone().count();
                writable.nth(turn % count.max(1))
            }
            PutRoute::Key(key) => writable.find(|shard| shard.describe().takes(key)),
        };
        let shard = shard.ok_or_else(|| {
            let message = format!("logstore {} has no shard to write to", self.name);
            Refusal::bad("LogStoreWithoutShard", message)
        })?;
        shard.expire(ttl, now)?;
        shard.log.append(Record {
            received: now,
            group,
        })?;
        Ok(())
    }

    /// The position in front of which a reader starts.
    pub(crate) fn cursor(
        &self,
        shard: ShardId,
        from: CursorPosition,
        now: SystemTime,
    ) -> Result<u64, Refusal> {
        self.in_shard(shard, now, |shard| Ok(shard.cursor(from)?))
    }

    /// When the group at a position was received.
    pub(crate) fn cursor_time(
        &self,
        shard: ShardId,
        position: u64,
        now: SystemTime,
    ) -> Result<SystemTime, Refusal> {
        self.in_shard(shard, now, |shard| shard.cursor_time(position, now))
    }

    /// The groups of a shard from a position on.
    pub(crate) fn pull(
        &self,
        shard: ShardId,
        position: u64,
        count: usize,
        end: Option<u64>,
        now: SystemTime,
    ) -> Result<Pulled, Refusal> {
        self.in_shard(shard, now, |shard| shard.pull(position, count, end))
    }

    /// Forgets what is older than the retention, and shards of which nothing is left.
    pub(super) fn expire(&self, now: SystemTime) -> Result<(), StorageError> {
        let ttl = self.ttl();
        let mut spent = false;
        for shard in self.read_shards().iter() {
            shard.expire(ttl, now)?;
            spent |= shard.is_spent(ttl, now);
        }
        if spent {
            let mut shards = self.write_shards();
            for shard in shards.iter().filter(|shard| shard.is_spent(ttl, now)) {
                self.logs.storage.remove(shard.log_id)?;
            }
            shards.retain(|shard| !shard.is_spent(ttl, now));
        }
        Ok(())
    }

    /// Deletes the logs of a logstore that is no longer in its project.
    pub(super) fn remove_logs(&self) -> Result<(), StorageError> {
        for shard in self.write_shards().drain(..) {
            self.logs.storage.remove(shard.log_id)?;
        }
        Ok(())
    }

    fn in_shard<T>(
        &self,
        id: ShardId,
        now: SystemTime,
        look: impl FnOnce(&ShardState) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.expire(now)?;
        let shards = self.read_shards();
        look(find(&shards, id)?)
    }

    fn ttl(&self) -> Option<Duration> {
        let days = self.settings().config.ttl;
        (days < FOREVER_DAYS).then(|| DAY * days)
    }

    fn settings(&self) -> RwLockReadGuard<'_, Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_shards(&self) -> RwLockReadGuard<'_, Vec<ShardState>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_shards(&self) -> RwLockWriteGuard<'_, Vec<ShardState>> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(shards: &[ShardState], id: ShardId) -> Result<&ShardState, Refusal> {
    shards
        .iter()
        .find(|shard| shard.id == id)
        .ok_or_else(|| Refusal::bad("ShardNotExist", format!("Shard {id} does not exist")))
}

fn open_shard(
    logs: &Logs,
    id: ShardId,
    range: KeyRange,
    now: SystemTime,
) -> Result<ShardState, StorageError> {
    let (log_id, log) = logs.create(now)?;
    Ok(ShardState {
        id,
        range,
        created: now,
        closed: None,
        log_id,
        log,
    })
}

/// `base` with the members of `changes` over it, checked.
fn merge(base: Value, mut changes: Map<String, Value>) -> Result<LogstoreConfig, Refusal> {
    let invalid = |message: String| Refusal::bad("LogStoreInfoInvalid", message);
    // What the server says about a logstore is not for a client to set; clients send it
    // back because they read the settings before they change them.
    for own in ["createTime", "lastModifyTime"] {
        changes.remove(own);
    }
    let Value::Object(mut merged) = base else {
        return Err(Refusal::internal(
            "InternalServerError",
            "settings are lost",
        ));
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
    if !(1..=MAX_SHARDS).contains(&config.shard_count) {
        return Err(invalid(format!("shardCount must be 1 to {MAX_SHARDS}")));
    }
    if config.max_split_shard > MAX_SHARDS {
        return Err(invalid(format!("maxSplitShard must be 1 to {MAX_SHARDS}")));
    }
    Ok(config)
}
