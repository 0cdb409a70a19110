//! What is written down besides log groups, and under which names.
//!
//! ```text
//! project/{project}                        its settings
//! logstore/{project}/{logstore}            its settings and its index
//! shards/{project}/{logstore}              its shards, open and closed
//! group/{project}/{logstore}/{group}       who has which shard, and how far it was read
//! ```
//!
//! Every fact is JSON. A change is written down before it is seen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::no_logstore;
use super::storage::{Changes, Storage, StorageError};
use crate::refusal::Refusal;

/// Reads a fact; `what` it is about is for the error.
pub(super) fn read<T: DeserializeOwned>(what: &str, fact: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(fact)
        .map_err(|cause| StorageError::Damaged(format!("{what} cannot be read: {cause}").into()))
}

/// A fact to be written down.
pub(super) fn written(fact: &impl Serialize) -> Vec<u8> {
    // Structs of texts, numbers and times since the epoch always are JSON.
    serde_json::to_vec(fact).unwrap_or_default()
}

pub(super) const PROJECTS: &str = "project/";

pub(super) fn project(name: &str) -> String {
    format!("{PROJECTS}{name}")
}

pub(super) fn logstores(project: &str) -> String {
    format!("logstore/{project}/")
}

fn shards(project: &str) -> String {
    format!("shards/{project}/")
}

fn groups(project: &str) -> String {
    format!("group/{project}/")
}

/// Forgets a project with everything in it.
pub(super) fn erase_project(changes: Changes, name: &str) -> Changes {
    changes
        .erase(project(name))
        .erase_under(logstores(name))
        .erase_under(shards(name))
        .erase_under(groups(name))
}

/// Keeps the facts of one logstore in step with it.
#[derive(Debug)]
pub(super) struct Keeper {
    storage: Arc<dyn Storage>,
    project: String,
    logstore: String,
    /// Whether the logstore was deleted: then nothing may be written down any more.
    gone: Mutex<bool>,
}

impl Keeper {
    pub(super) fn new(storage: &Arc<dyn Storage>, project: &str, logstore: &str) -> Self {
        Self {
            storage: Arc::clone(storage),
            project: project.to_owned(),
            logstore: logstore.to_owned(),
            gone: Mutex::new(false),
        }
    }

    pub(super) fn is_durable(&self) -> bool {
        self.storage.is_durable()
    }

    /// The shards that were written down.
    pub(super) fn shards(&self) -> Result<Vec<u8>, StorageError> {
        let name = format!("{}{}", shards(&self.project), self.logstore);
        let facts = self.storage.facts(&name)?.into_iter();
        let mut facts = facts.filter(|(found, _)| *found == name);
        let missing = || StorageError::Damaged(format!("{name} is missing").into());
        facts.next().map(|(_, fact)| fact).ok_or_else(missing)
    }

    /// The consumer groups that were written down.
    pub(super) fn groups(&self) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        let prefix = format!("{}{}/", groups(&self.project), self.logstore);
        let facts = self.storage.facts(&prefix)?.into_iter();
        Ok(facts
            .map(|(name, fact)| (name[prefix.len()..].to_owned(), fact))
            .collect())
    }

    /// Keeps others from changing the logstore; refuses when it was deleted.
    pub(super) fn hold(&self) -> Result<Held<'_>, Refusal> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if *gone {
            return Err(no_logstore(&self.logstore));
        }
        Ok(Held { keeper: self, gone })
    }
}

/// The right to change a logstore.
#[derive(Debug)]
pub(super) struct Held<'a> {
    keeper: &'a Keeper,
    gone: MutexGuard<'a, bool>,
}

impl Held<'_> {
    /// Writes changes down, where that means anything.
    pub(super) fn save(&self, changes: impl FnOnce(Changes) -> Changes) -> Result<(), Refusal> {
        if self.keeper.is_durable() {
            let changes = changes(Changes::default());
            self.keeper.storage.commit(changes)?;
        }
        Ok(())
    }

    pub(super) fn logstore(&self, changes: Changes, fact: Vec<u8>) -> Changes {
        let Keeper {
            project, logstore, ..
        } = self.keeper;
        changes.write(format!("{}{logstore}", logstores(project)), fact)
    }

    pub(super) fn shards(&self, changes: Changes, fact: Vec<u8>) -> Changes {
        let Keeper {
            project, logstore, ..
        } = self.keeper;
        changes.write(format!("{}{logstore}", shards(project)), fact)
    }

    /// Groups that changed, and those that are gone.
    pub(super) fn groups(
        &self,
        changes: Changes,
        changed: Vec<(String, Option<Vec<u8>>)>,
    ) -> Changes {
        let Keeper {
            project, logstore, ..
        } = self.keeper;
        let prefix = format!("{}{logstore}/", groups(project));
        changed.into_iter().fold(changes, |changes, (name, fact)| {
            let name = format!("{prefix}{name}");
            match fact {
                Some(fact) => changes.write(name, fact),
                None => changes.erase(name),
            }
        })
    }

    /// Forgets the logstore.
    pub(super) fn erase(&self, changes: Changes) -> Changes {
        let Keeper {
            project, logstore, ..
        } = self.keeper;
        changes
            .erase(format!("{}{logstore}", logstores(project)))
            .erase(format!("{}{logstore}", shards(project)))
            .erase_under(format!("{}{logstore}/", groups(project)))
    }

    /// The logstore was deleted.
    pub(super) fn end(mut self) {
        *self.gone = true;
    }
}
