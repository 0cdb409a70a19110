//! The deterministic heart: no sockets, no clock, the time is an argument.
//!
//! ```text
//! Engine (projects) -> Project (logstores) -> Logstore (shards) -> ShardState -> ShardLog
//!    mod.rs               project.rs            logstore.rs     shards.rs, shard.rs  storage/
//! ```
//!
//! Locks are taken in this order and never held while a query runs.

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
pub(crate) use shards::SplitAt;
pub(crate) use storage::MemoryStorage;

use project::Project;
use storage::{LogId, Storage, StorageError};

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
    pub(crate) fn new(storage: impl Storage, rules: PutRules) -> Self {
        Self {
            rules,
            logs: Logs {
                storage: Arc::new(storage),
                next: Arc::new(AtomicU64::new(0)),
            },
            projects: RwLock::default(),
        }
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
        self.in_project_mut(name, |project| project.update(settings, now))
    }

    /// Deletes a project with everything in it.
    pub(crate) fn delete_project(&self, name: &str) -> Result<(), Refusal> {
        let gone = self.write().remove(name);
        let project = gone.ok_or_else(|| no_project(name))?;
        for logstore in project.logstores.values() {
            logstore.remove_logs()?;
        }
        Ok(())
    }

    /// Makes a logstore from its settings as they came.
    pub(crate) fn create_logstore(
        &self,
        project: &str,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        self.in_project_mut(project, |project| {
            let logstore = Logstore::new(settings, self.logs.clone(), now)?;
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
        let gone = self.in_project_mut(project, |project| {
            let gone = project.logstores.remove(name);
            gone.ok_or_else(|| no_logstore(name))
        })?;
        gone.remove_logs()?;
        Ok(())
    }

    /// Stores one log group, whole, in one shard, to which `admit` may object.
    pub(crate) fn put(
        &self,
        logstore: &Logstore,
        group: Bytes,
        route: PutRoute,
        now: SystemTime,
        admit: &mut dyn FnMut(ShardId) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let logs = self.rules.check(&group, now)?;
        match logstore.put(group.clone(), route, now, admit) {
            Err(PutError::Storage(StorageError::Full { .. })) => {
                // What nobody asked for since it expired still takes room.
                self.expire_all(now)?;
                // The same put is not counted twice.
                let stored = logstore.put(group, route, now, &mut |_| Ok(()));
                stored.map_err(Refusal::from)?;
            }
            result => result.map_err(Refusal::from)?,
        }
        logstore.count_logs(logs);
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

/// Opens logs under names that were never used before.
#[derive(Debug, Clone)]
struct Logs {
    storage: Arc<dyn Storage>,
    next: Arc<AtomicU64>,
}

impl Logs {
    /// A new log; positions begin at the nanosecond of its making, which keeps the cursors
    /// of one shard from fitting another.
    fn create(&self, now: SystemTime) -> Result<(LogId, Arc<dyn storage::ShardLog>), StorageError> {
        let id = LogId(self.next.fetch_add(1, Ordering::Relaxed));
        let base = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        Ok((id, self.storage.open(id, base)?))
    }
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

/// A full storage is a quota that is used up: clients that wait and try again do so for
/// 403 `WriteQuotaExceed`, and a shorter retention or a deleted logstore makes room.
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
