//! A logstore: settings, shards, and which shard a put goes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sls_core::model::{CursorPosition, HashKey, LogstoreConfig, Shard, ShardId};
use sls_core::wire::GroupView;

use super::catalog::{Held, Keeper};
use super::group::{ConsumerGroups, ShardFact};
use super::index::Index;
use super::settings::{self, FOREVER_DAYS};
use super::shard::{Pulled, ShardState};
use super::shards::{Shards, SplitAt};
use super::spl::damaged;
use super::storage::{Arriving, Changes, Done, LogId, ReadLimit, Record, StorageError};
use super::{DAY, Logs, PutError, catalog, names, unix_seconds};
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
    /// Taken before any other lock by whoever changes something that is written down.
    keeper: Keeper,
}

/// A logstore as it is written down, besides its shards and groups.
#[derive(Serialize, Deserialize)]
struct LogstoreFact {
    created: SystemTime,
    modified: SystemTime,
    config: LogstoreConfig,
    index: Option<Index>,
}

#[derive(Debug, Clone)]
struct Settings {
    config: LogstoreConfig,
    modified: SystemTime,
}

impl Logstore {
    /// A logstore with its first shards, from settings as they came. Not written down yet, see
    /// [`write_down`](Self::write_down).
    pub(super) fn new(
        project: &str,
        settings: Map<String, Value>,
        logs: Logs,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let config = settings::merge(&LogstoreConfig::named(""), settings, logs.max_shards)?;
        names::check_logstore(&config.name)?;
        let keeper = Keeper::new(&logs.storage, project, &config.name);
        let groups = ConsumerGroups::new(keeper.is_durable());
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
            groups: Mutex::new(groups),
            keeper,
        })
    }

    /// A logstore that was written down.
    pub(super) fn read(
        project: &str,
        fact: &[u8],
        logs: Logs,
        now: SystemTime,
    ) -> Result<Self, StorageError> {
        let LogstoreFact {
            created,
            modified,
            config,
            index,
        } = catalog::read("a logstore", fact)?;
        let keeper = Keeper::new(&logs.storage, project, &config.name);
        let shards = Shards::read(logs, &keeper.shards()?)?;
        let groups = ConsumerGroups::read(keeper.groups()?, now)?;
        Ok(Self {
            name: config.name.clone(),
            created,
            settings: RwLock::new(Settings { config, modified }),
            shards: RwLock::new(shards),
            turn: AtomicUsize::new(0),
            index: RwLock::new(index),
            groups: Mutex::new(groups),
            keeper,
        })
    }

    /// Writes a new logstore down.
    pub(super) fn write_down(&self) -> Result<(), Refusal> {
        let held = self.keeper.hold()?;
        let settings = self.settings();
        held.save(|changes| {
            let changes = held.logstore(changes, self.fact(&settings, None));
            held.shards(changes, self.read_shards().fact())
        })
    }

    fn fact(&self, settings: &Settings, index: Option<Index>) -> Vec<u8> {
        catalog::written(&LogstoreFact {
            created: self.created,
            modified: settings.modified,
            config: settings.config.clone(),
            index,
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
        let held = self.keeper.hold()?;
        let mut current = self.config();
        let max_shards = {
            let shards = self.read_shards();
            current.shard_count = shards.writable_count();
            shards.max_writable()
        };
        let config = settings::merge(&current, changes, max_shards)?;
        if config.name != self.name {
            let message = format!("logstoreName {:?} is not {:?}", config.name, self.name);
            return Err(Refusal::parameter(message));
        }
        if config.shard_count != current.shard_count {
            return Err(Refusal::parameter(
                "invalid shard count,you can only modify shardCount by split& merge shard",
            ));
        }
        let changed = Settings {
            config,
            modified: now,
        };
        let index = self.index();
        held.save(|changes| held.logstore(changes, self.fact(&changed, index)))?;
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = changed;
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
        self.change_shards(|shards| shards.split(id, at, now))
    }

    /// Joins a shard and its right neighbour; gives the new shard and the old ones.
    pub(crate) fn merge(&self, id: ShardId, now: SystemTime) -> Result<Vec<Shard>, Refusal> {
        self.expire(now)?;
        self.change_shards(|shards| shards.merge(id, now))
    }

    /// Deletes a shard that takes no writes, with what it holds.
    pub(crate) fn delete_shard(&self, id: ShardId, now: SystemTime) -> Result<(), Refusal> {
        self.expire(now)?;
        self.change_shards(|shards| shards.delete(id))
    }

    /// Takes a group that was checked before, and calls `done` when it is stored.
    pub(super) fn put(
        &self,
        arriving: Arriving,
        route: PutRoute,
        admit: &mut dyn FnMut(ShardId) -> Result<(), Refusal>,
        done: Done,
    ) -> Result<(), PutError> {
        let (ttl, now) = (self.ttl(), arriving.received);
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
        shard.log.append(arriving, done)?;
        Ok(())
    }

    /// How many logs were stored since the logstore was made, those that expired included.
    pub(crate) fn arrived(&self) -> u64 {
        self.read_shards().arrived()
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
        let held = self.keeper.hold()?;
        if self.index().is_some() {
            let message = "log store index is already created";
            return Err(Refusal::bad("IndexAlreadyExist", message));
        }
        self.set_index(&held, Some(Index::new(settings, now)?))
    }

    /// The index as a client sees it.
    pub(crate) fn describe_index(&self) -> Result<Value, Refusal> {
        let ttl = self.settings().config.ttl;
        let described = self.index().map(|index| index.describe(ttl));
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
        let held = self.keeper.hold()?;
        if self.index().is_none() {
            return Err(Refusal::parameter("log store index is not created"));
        }
        self.set_index(&held, Some(Index::new(settings, now)?))
    }

    /// Deletes the index; nothing can be searched then.
    pub(crate) fn delete_index(&self) -> Result<(), Refusal> {
        let held = self.keeper.hold()?;
        if self.index().is_none() {
            return Err(Refusal::parameter("log store index is not created"));
        }
        self.set_index(&held, None)
    }

    fn set_index(&self, held: &Held<'_>, index: Option<Index>) -> Result<(), Refusal> {
        held.save(|changes| held.logstore(changes, self.fact(&self.settings(), index.clone())))?;
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        Ok(())
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
        let held = self.keeper.hold()?;
        let facts = self.read_shards().facts();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut groups, &facts);
        groups.settle(|groups| held.save(|changes| held.groups(changes, groups)))?;
        result
    }

    /// Forgets what is older than the retention, and shards of which nothing is left.
    pub(super) fn expire(&self, now: SystemTime) -> Result<(), Refusal> {
        let ttl = self.ttl();
        let spent = self.read_shards().expire(ttl, now)?;
        if spent {
            let removed = self.change_shards(|shards| {
                shards.remove_spent(ttl, now);
                Ok(())
            });
            // Nobody who reads has to wait for that: they go when there is room to note it.
            if let Err(refusal) = removed {
                tracing::debug!(logstore = self.name, ?refusal, "empty shards stay for now");
            }
        }
        Ok(())
    }

    /// Keeps everybody from changing the logstore, which is to be deleted.
    pub(super) fn hold(&self) -> Result<Held<'_>, Refusal> {
        self.keeper.hold()
    }

    /// The logs of all shards, open and closed.
    pub(super) fn log_ids(&self) -> Vec<LogId> {
        let mut shards = self.read_shards().clone();
        shards.remove_all();
        shards.take_removed()
    }

    /// Lets go of the logs of a logstore that was deleted.
    pub(super) fn clear(&self) {
        self.write_shards().remove_all();
    }

    /// Changes the shards once the change is safe; meanwhile nothing is put. What was put
    /// before is safe then, too.
    fn change_shards<T>(
        &self,
        change: impl FnOnce(&mut Shards) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let held = self.keeper.hold()?;
        let mut shards = self.write_shards();
        let mut changed = shards.clone();
        let result = change(&mut changed)?;
        let removed = changed.take_removed();
        held.save(|changes| {
            let changes = held.shards(changes, changed.fact());
            removed.into_iter().fold(changes, Changes::remove)
        })?;
        *shards = changed;
        Ok(result)
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

    fn index(&self) -> Option<Index> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.clone()
    }

    fn read_shards(&self) -> RwLockReadGuard<'_, Shards> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_shards(&self) -> RwLockWriteGuard<'_, Shards> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }
}
