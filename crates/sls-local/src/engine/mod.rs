//! The deterministic heart: no sockets, no clock, the time is an argument.
//!
//! ```text
//! Engine (projects) -> Project (logstores) -> Logstore (shards) -> ShardState -> ShardLog
//!    mod.rs               project.rs            logstore.rs     shards.rs, shard.rs  storage/
//! ```
//!
//! Locks are taken in this order and never held while a query runs.

mod catalog; // what is written down
pub(crate) mod group; // consumer groups
mod index; // what a search needs
mod key_range; // how shards divide the keys
mod logstore; // settings and shards
mod names; // which names are accepted
mod project; // a project and its logstores
mod put_rules; // what a log group must be like
pub(crate) mod search; // finds logs by their own time
mod settings; // what may be set of a logstore
mod shard; // a log and cursors into it
mod shards; // split, merge, expiry
pub(crate) mod spl; // a query over log groups
mod storage; // where groups are kept

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Map, Value};
use sls_core::model::{Project as ProjectInfo, ShardId};

use crate::refusal::Refusal;

pub(crate) use logstore::{Logstore, PutRoute};
pub(crate) use put_rules::PutRules;
pub(crate) use shard::Pulled;
pub(crate) use shards::DEFAULT_MAX_SHARDS;
pub(crate) use shards::SplitAt;
pub(crate) use storage::{
    Changes, DiskStorage, LogId, MemoryStorage, OpenError, Packed, Receipt, ShardLog, Storage,
    StorageError,
};

#[cfg(test)]
pub(crate) use storage::{Done, Fact};

use project::Project;
use storage::Arriving;

/// The most projects of a server and logstores of a project.
const MAX_MEMBERS: usize = 1000;

/// All projects of a server.
#[derive(Debug)]
pub(crate) struct Engine {
    rules: PutRules,
    logs: Logs,
    /// Guards the two levels of names; released before a logstore is worked with.
    projects: RwLock<BTreeMap<String, Project>>,
}

impl Engine {
    /// Everything that a storage has. Consumers that were known count as alive at `now`.
    /// At most `max_shards` of a logstore take writes.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        rules: PutRules,
        max_shards: u32,
        now: SystemTime,
    ) -> Result<Self, StorageError> {
        let next = storage.free_log().0;
        let logs = Logs {
            storage,
            next: Arc::new(AtomicU64::new(next)),
            max_shards,
        };
        let mut projects = BTreeMap::new();
        for (name, fact) in logs.storage.facts(catalog::PROJECTS)? {
            let mut project = Project::read(&fact)?;
            let name = &name[catalog::PROJECTS.len()..];
            for (_, fact) in logs.storage.facts(&catalog::logstores(name))? {
                let logstore = Logstore::read(name, &fact, logs.clone(), now)?;
                let place = logstore.name().to_owned();
                project.logstores.insert(place, Arc::new(logstore));
            }
            projects.insert(name.to_owned(), project);
        }
        Ok(Self {
            rules,
            logs,
            projects: RwLock::new(projects),
        })
    }

    /// Writes what is waiting and lets go of the storage.
    pub(crate) fn close(&self) {
        self.logs.storage.close();
    }

    /// Whether a call may wait for a disk.
    pub(crate) fn is_durable(&self) -> bool {
        self.logs.storage.is_durable()
    }

    /// The limits a log group is held to.
    pub(crate) fn put_rules(&self) -> &PutRules {
        &self.rules
    }

    /// Makes a project; members of `settings` other than the description are kept as they are.
    pub(crate) fn create_project(
        &self,
        name: &str,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        names::check_project(name)?;
        let project = Project::new(name, settings, now)?;
        let mut projects = self.write();
        if projects.contains_key(name) {
            let message = format!("Project {name} already exist");
            return Err(Refusal::bad("ProjectAlreadyExist", message));
        }
        if projects.len() >= MAX_MEMBERS {
            let message = format!("there are {MAX_MEMBERS} projects, and no more may be made");
            return Err(Refusal::bad("ProjectQuotaExceed", message));
        }
        self.save(|changes| changes.write(catalog::project(name), project.fact()))?;
        projects.insert(name.to_owned(), project);
        Ok(())
    }

    pub(crate) fn project(&self, name: &str) -> Result<ProjectInfo, Refusal> {
        self.in_project(name, |project| Ok(project.describe()))
    }

    /// All projects by name.
    pub(crate) fn projects(&self) -> Vec<ProjectInfo> {
        self.read().values().map(Project::describe).collect()
    }

    /// Changes the description.
    pub(crate) fn update_project(
        &self,
        name: &str,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        self.in_project_mut(name, |project| {
            let updated = project.updated(settings, now)?;
            self.save(|changes| changes.write(catalog::project(name), updated.fact()))?;
            *project = updated;
            Ok(())
        })
    }

    /// Deletes a project with everything in it.
    pub(crate) fn delete_project(&self, name: &str) -> Result<(), Refusal> {
        let mut projects = self.write();
        let project = projects.get(name).ok_or_else(|| no_project(name))?;
        let held: Result<Vec<_>, _> = project.logstores.values().map(|one| one.hold()).collect();
        let held = held?;
        let logs = project.logstores.values().flat_map(|one| one.log_ids());
        self.save(|changes| {
            let changes = catalog::erase_project(changes, name);
            logs.fold(changes, Changes::remove)
        })?;
        for held in held {
            held.end();
        }
        for logstore in project.logstores.values() {
            logstore.clear();
        }
        projects.remove(name);
        Ok(())
    }

    /// Makes a logstore from its settings as they came.
    pub(crate) fn create_logstore(
        &self,
        project: &str,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let owner = project;
        self.in_project_mut(project, |project| {
            let logstore = Logstore::new(owner, settings, self.logs.clone(), now)?;
            let name = logstore.name().to_owned();
            if project.logstores.contains_key(&name) {
                let message = format!("logstore {name} already exists");
                return Err(Refusal::bad("LogStoreAlreadyExist", message));
            }
            if project.logstores.len() >= MAX_MEMBERS {
                return Err(Refusal::quota(
                    "ExceedQuota",
                    format!("the project has {MAX_MEMBERS} logstores, and no more may be made"),
                ));
            }
            logstore.write_down()?;
            project.logstores.insert(name, Arc::new(logstore));
            Ok(())
        })
    }

    pub(crate) fn logstore(&self, project: &str, name: &str) -> Result<Arc<Logstore>, Refusal> {
        self.in_project(project, |project| {
            project
                .logstores
                .get(name)
                .map(Arc::clone)
                .ok_or_else(|| no_logstore(name))
        })
    }

    /// The names of a project's logstores, in order.
    pub(crate) fn logstores(&self, project: &str) -> Result<Vec<Arc<Logstore>>, Refusal> {
        self.in_project(project, |project| {
            Ok(project.logstores.values().map(Arc::clone).collect())
        })
    }

    /// Deletes a logstore with everything in it.
    pub(crate) fn delete_logstore(&self, project: &str, name: &str) -> Result<(), Refusal> {
        self.in_project_mut(project, |project| {
            let found = project.logstores.get(name);
            let logstore = found.ok_or_else(|| no_logstore(name))?;
            let held = logstore.hold()?;
            let logs = logstore.log_ids().into_iter();
            self.save(|changes| logs.fold(held.erase(changes), Changes::remove))?;
            held.end();
            logstore.clear();
            project.logstores.remove(name);
            Ok(())
        })
    }

    /// Takes one log group, whole, for one shard, to which `admit` may object. It is stored
    /// when the receipt says so, which `stored` is told first.
    pub(crate) fn put(
        &self,
        logstore: &Logstore,
        put: Put,
        now: SystemTime,
        admit: &mut dyn FnMut(ShardId) -> Result<(), Refusal>,
        stored: impl Fn() + Clone + Send + 'static,
    ) -> Result<Receipt, Refusal> {
        let Put {
            group,
            packed,
            route,
        } = put;
        let arriving = Arriving {
            received: now,
            logs: self.rules.check(&group, now)?,
            group,
            packed,
        };
        let receipt = || {
            let stored = stored.clone();
            Receipt::new(move |result| {
                if result.is_ok() {
                    stored();
                }
            })
        };
        let (first, done) = receipt();
        match logstore.put(arriving.clone(), route, admit, done) {
            Ok(()) => Ok(first),
            Err(PutError::Storage(StorageError::Full { .. })) => {
                // What nobody asked for since it expired still takes room.
                self.expire_all(now)?;
                let (second, done) = receipt();
                // The same put is not counted twice.
                logstore.put(arriving, route, &mut |_| Ok(()), done)?;
                Ok(second)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes changes down, where that means anything.
    fn save(&self, changes: impl FnOnce(Changes) -> Changes) -> Result<(), Refusal> {
        if self.is_durable() {
            self.logs.storage.commit(changes(Changes::default()))?;
        }
        Ok(())
    }

    fn expire_all(&self, now: SystemTime) -> Result<(), Refusal> {
        let logstores: Vec<_> = self
            .read()
            .values()
            .flat_map(|project| project.logstores.values().map(Arc::clone))
            .collect();
        for logstore in logstores {
            logstore.expire(now)?;
        }
        Ok(())
    }

    fn in_project<T>(
        &self,
        name: &str,
        look: impl FnOnce(&Project) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        look(self.read().get(name).ok_or_else(|| no_project(name))?)
    }

    fn in_project_mut<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Project) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        change(self.write().get_mut(name).ok_or_else(|| no_project(name))?)
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Project>> {
        self.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Project>> {
        self.projects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens logs under names that were never used before, and says for how many shards.
#[derive(Debug, Clone)]
struct Logs {
    storage: Arc<dyn Storage>,
    next: Arc<AtomicU64>,
    /// The most shards of a logstore that take writes.
    max_shards: u32,
}

impl Logs {
    /// A new log; positions begin at the nanosecond of its making, and a second further for
    /// every log before it, which keeps the cursors of one shard from fitting another.
    fn create(&self, now: SystemTime) -> Result<(LogId, Arc<dyn ShardLog>), StorageError> {
        let id = LogId(self.next.fetch_add(1, Ordering::Relaxed));
        let base = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64)
            .wrapping_add(id.0.wrapping_mul(1_000_000_000));
        Ok((id, self.storage.open(id, base)?))
    }

    /// A log that was made before.
    fn reopen(&self, id: LogId, base: u64) -> Result<Arc<dyn ShardLog>, StorageError> {
        self.next.fetch_max(id.0 + 1, Ordering::Relaxed);
        self.storage.open(id, base)
    }
}

/// A log group as a client sends it.
#[derive(Debug)]
pub(crate) struct Put {
    /// The protobuf message `LogGroup`.
    pub(crate) group: Bytes,
    /// The same as it came, when it came compressed.
    pub(crate) packed: Option<Packed>,
    pub(crate) route: PutRoute,
}

/// Why a put did not succeed.
#[derive(Debug)]
pub(crate) enum PutError {
    Refused(Refusal),
    Storage(StorageError),
}

impl From<Refusal> for PutError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StorageError> for PutError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<PutError> for Refusal {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Refused(refusal) => refusal,
            PutError::Storage(error) => error.into(),
        }
    }
}

/// A full budget is a quota that is used up: clients that wait and try again do so for
/// 403 `WriteQuotaExceed`, and a shorter retention or a deleted logstore makes room. What may
/// pass without anybody's doing is 503 `ServerBusy`, and clients try again.
impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full { limit } => Self::quota(
                "WriteQuotaExceed",
                format!(
                    "the server's memory budget of {limit} bytes is used up: \
                     delete logs, shorten a ttl or start it with a larger one"
                ),
            ),
            StorageError::DiskFull => Self::busy(
                "the disk of the data folder is full: nothing more is stored until there is room",
            ),
            StorageError::Busy => Self::busy("more is waiting to be written than the disk takes"),
            StorageError::Closed => Self::busy("the server is shutting down"),
            StorageError::Gone => {
                Self::missing("LogStoreNotExist", "the logstore does not exist any more")
            }
            StorageError::Damaged(_) | StorageError::Failed(_) => {
                Self::internal("InternalServerError", error.to_string())
            }
        }
    }
}

fn no_project(name: &str) -> Refusal {
    Refusal::missing(
        "ProjectNotExist",
        format!("The Project does not exist : {name}"),
    )
}

fn no_logstore(name: &str) -> Refusal {
    Refusal::missing(
        "LogStoreNotExist",
        format!("logstore {name} does not exist"),
    )
}

/// Whole seconds since the Unix epoch; times before it count as 0.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
