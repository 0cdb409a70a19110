//! A logstore: settings, shards, and which shard a put goes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Map, Value};
use sls_core::model::{CursorPosition, HashKey, LogstoreConfig, Shard, ShardId};
use sls_core::wire::GroupView;

use super::group::{ConsumerGroups, ShardFact};
use super::index::Index;
use super::settings::{self, FOREVER_DAYS};
use super::shard::{Pulled, ShardState};
use super::shards::{Shards, SplitAt};
use super::spl::damaged;
use super::storage::{ReadLimit, Record, StorageError};
use super::{DAY, Logs, PutError, names, unix_seconds};
use crate::refusal::Refusal;

/// How much of a shard a search reads at a time.
const SCAN_STEP: ReadLimit = ReadLimit {
    groups: 1000,
    bytes: 10 << 20,
};

/// Where a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) shard: ShardId,
    pub(crate) position: u64,
}

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
    settings: RwLock<Settings>,
    /// Held for reading while a group is appended, for writing while shards come and go:
    /// no group lands in a shard after its split.
    shards: RwLock<Shards>,
    turn: AtomicUsize,
    index: RwLock<Option<Index>>,
    groups: Mutex<ConsumerGroups>,
    /// All logs that were ever stored.
    arrived: AtomicU64,
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
        let config = settings::merge(&LogstoreConfig::named(""), settings)?;
        names::check_logstore(&config.name)?;
        let shards = Shards::open(logs, config.shard_count, now)?;
        Ok(Self {
            name: config.name.clone(),
            created: now,
            settings: RwLock::new(Settings {
                config,
                modified: now,
            }),
            shards: RwLock::new(shards),
            turn: AtomicUsize::new(0),
            index: RwLock::default(),
            groups: Mutex::default(),
            arrived: AtomicU64::new(0),
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
        config.shard_count = self.read_shards().writable_count();
        for (name, time) in [("createTime", self.created), ("lastModifyTime", modified)] {
            let seconds = unix_seconds(time).into();
            config.other.insert(name.to_owned(), seconds);
        }
        // The service names the mode always, and the official Rust client relies on it.
        config.mode.get_or_insert_with(|| "standard".to_owned());
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
        let mut current = settings.config.clone();
        current.shard_count = self.read_shards().writable_count();
        let config = settings::merge(&current, changes)?;
        if config.name != self.name {
            let message = format!("logstoreName {:?} is not {:?}", config.name, self.name);
            return Err(Refusal::parameter(message));
        }
        if config.shard_count != current.shard_count {
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
        Ok(self.read_shards().describe())
    }

    /// Divides a shard at a key, or into equal parts; gives the old shard and the new ones.
    pub(crate) fn split(
        &self,
        id: ShardId,
        at: SplitAt,
        now: SystemTime,
    ) -> Result<Vec<Shard>, Refusal> {
        self.expire(now)?;
        self.write_shards().split(id, at, now)
    }

    /// Joins a shard and its right neighbour; gives the new shard and the old ones.
    pub(crate) fn merge(&self, id: ShardId, now: SystemTime) -> Result<Vec<Shard>, Refusal> {
        self.expire(now)?;
        self.write_shards().merge(id, now)
    }

    /// Deletes a shard that takes no writes, with what it holds.
    pub(crate) fn delete_shard(&self, id: ShardId, now: SystemTime) -> Result<(), Refusal> {
        self.expire(now)?;
        self.write_shards().delete(id)
    }

    /// Stores a group that was checked before.
    pub(super) fn put(
        &self,
        group: Bytes,
        route: PutRoute,
        now: SystemTime,
        admit: &mut dyn FnMut(ShardId) -> Result<(), Refusal>,
    ) -> Result<(), PutError> {
        let ttl = self.ttl();
        let shards = self.read_shards();
        let mut writable = shards.writable();
        let shard = match route {
            PutRoute::Balanced => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                let count = shards.writable_count().max(1) as usize;
                writable.nth(turn % count)
            }
            PutRoute::Key(key) => writable.find(|shard| shard.describe().takes(key)),
        };
        let shard = shard.ok_or_else(|| {
            let message = format!("logstore {} has no shard to write to", self.name);
            Refusal::bad("LogStoreWithoutShard", message)
        })?;
        admit(shard.id)?;
        shard.expire(ttl, now)?;
        shard.log.append(Record {
            received: now,
            group,
        })?;
        Ok(())
    }

    pub(super) fn count_logs(&self, stored: u64) {
        self.arrived.fetch_add(stored, Ordering::SeqCst);
    }

    /// How many logs were stored since the logstore was made, those that expired included.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }

    /// How many groups each shard has taken since it was made.
    pub(crate) fn puts(&self) -> BTreeMap<ShardId, u64> {
        self.read_shards().puts()
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

    /// Makes the index that searches need.
    pub(crate) fn create_index(
        &self,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let mut index = self.write_index();
        if index.is_some() {
            let message = "log store index is already created";
            return Err(Refusal::bad("IndexAlreadyExist", message));
        }
        *index = Some(Index::new(settings, now)?);
        Ok(())
    }

    /// The index as a client sees it.
    pub(crate) fn describe_index(&self) -> Result<Value, Refusal> {
        let ttl = self.settings().config.ttl;
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let described = index.as_ref().map(|index| index.describe(ttl));
        described.ok_or_else(|| {
            let message = format!("index config of logstore {} does not exist", self.name);
            Refusal::missing("IndexConfigNotExist", message)
        })
    }

    /// Replaces the index.
    pub(crate) fn update_index(
        &self,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let mut index = self.write_index();
        if index.is_none() {
            return Err(Refusal::parameter("log store index is not created"));
        }
        *index = Some(Index::new(settings, now)?);
        Ok(())
    }

    /// Deletes the index; nothing can be searched then.
    pub(crate) fn delete_index(&self) -> Result<(), Refusal> {
        let gone = self.write_index().take();
        gone.map(|_| ())
            .ok_or_else(|| Refusal::parameter("log store index is not created"))
    }

    /// Shows every group that is kept and where it is, shard by shard in the order of receipt.
    pub(crate) fn scan(
        &self,
        now: SystemTime,
        visit: &mut dyn FnMut(Spot, &Record) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.expire(now)?;
        let logs: Vec<_> = self.read_shards().logs();
        // Without a lock: a search takes its time, and groups do not change.
        for (shard, log) in logs {
            let mut position = log.bounds().first;
            loop {
                let batch = log.read(position, SCAN_STEP)?;
                if batch.records.is_empty() && position >= batch.bounds.first {
                    break;
                }
                // What expired meanwhile is skipped.
                position = position.max(batch.bounds.first);
                for record in &batch.records {
                    visit(Spot { shard, position }, record)?;
                    position += 1;
                }
            }
        }
        Ok(())
    }

    /// The topics of all groups that are kept.
    pub(crate) fn topics(&self, now: SystemTime) -> Result<BTreeSet<String>, Refusal> {
        let mut topics = BTreeSet::new();
        self.scan(now, &mut |_, record| {
            let group = GroupView::parse(&record.group).map_err(damaged)?;
            let topic = group.topic().unwrap_or_default().to_string_lossy();
            if !topics.contains(topic.as_ref()) {
                topics.insert(topic.into_owned());
            }
            Ok(())
        })?;
        Ok(topics)
    }

    /// Refuses to search without an index, as the service does.
    pub(crate) fn check_index(&self) -> Result<(), Refusal> {
        self.describe_index().map(|_| ())
    }

    /// Looks at or changes the consumer groups, who are told what shards there are.
    pub(crate) fn in_groups<T>(
        &self,
        now: SystemTime,
        act: impl FnOnce(&mut ConsumerGroups, &[ShardFact]) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.expire(now)?;
        let facts = self.read_shards().facts();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut groups, &facts)
    }

    /// Forgets what is older than the retention, and shards of which nothing is left.
    pub(super) fn expire(&self, now: SystemTime) -> Result<(), StorageError> {
        let ttl = self.ttl();
        if self.read_shards().expire(ttl, now)? {
            self.write_shards().remove_spent(ttl, now)?;
        }
        Ok(())
    }

    /// Deletes the logs of a logstore that is no longer in its project.
    pub(super) fn remove_logs(&self) -> Result<(), StorageError> {
        self.write_shards().remove_all()
    }

    fn in_shard<T>(
        &self,
        id: ShardId,
        now: SystemTime,
        look: impl FnOnce(&ShardState) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.expire(now)?;
        let shards = self.read_shards();
        look(shards.find(id)?)
    }

    fn ttl(&self) -> Option<Duration> {
        let days = self.settings().config.ttl;
        (days < FOREVER_DAYS).then(|| DAY * days)
    }

    fn settings(&self) -> RwLockReadGuard<'_, Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_index(&self) -> RwLockWriteGuard<'_, Option<Index>> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_shards(&self) -> RwLockReadGuard<'_, Shards> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_shards(&self) -> RwLockWriteGuard<'_, Shards> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }
}
