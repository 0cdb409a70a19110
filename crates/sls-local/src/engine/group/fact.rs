//! A group as it is written down.
//!
//! When a consumer was heard of last is not: after a start all that were known count as heard
//! of just then, so that no shard is taken from one that is still reading it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sls_core::model::ShardId;

use super::super::catalog;
use super::super::storage::StorageError;
use super::assignment::Slot;
use super::{Consumer, ConsumerGroup, ConsumerGroups, GroupSettings};

#[derive(Serialize, Deserialize)]
struct GroupFact {
    settings: GroupSettings,
    /// What each consumer said it holds.
    consumers: BTreeMap<String, BTreeSet<ShardId>>,
    slots: BTreeMap<ShardId, Slot>,
}

/// The groups as they are on the disk, and as they were before what is being done to them.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Where nothing is written down there is nothing to compare.
    durable: bool,
    written: BTreeMap<String, Vec<u8>>,
    before: BTreeMap<String, Option<ConsumerGroup>>,
}

impl Kept {
    /// Takes note of a group that is going to change, or to be made.
    pub(super) fn touch(&mut self, name: &str, group: Option<&ConsumerGroup>) {
        if self.durable && !self.before.contains_key(name) {
            self.before.insert(name.to_owned(), group.cloned());
        }
    }
}

impl ConsumerGroups {
    pub(crate) fn new(durable: bool) -> Self {
        let mut groups = Self::default();
        groups.kept.durable = durable;
        groups
    }

    /// The groups that were written down.
    pub(crate) fn read(
        facts: Vec<(String, Vec<u8>)>,
        now: SystemTime,
    ) -> Result<Self, StorageError> {
        let mut groups = Self::new(true);
        for (name, fact) in facts {
            let read = catalog::read("a consumer group", &fact)?;
            groups
                .groups
                .insert(name.clone(), ConsumerGroup::read(read, now));
            groups.kept.written.insert(name, fact);
        }
        Ok(groups)
    }

    /// Has the groups written down that changed; those that cannot be are as before.
    pub(crate) fn settle<E>(
        &mut self,
        save: impl FnOnce(Vec<(String, Option<Vec<u8>>)>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = std::mem::take(&mut self.kept.before);
        let mut changed = Vec::new();
        for name in before.keys() {
            let fact = self.groups.get(name).map(ConsumerGroup::fact);
            if fact.as_ref() != self.kept.written.get(name) {
                changed.push((name.clone(), fact));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        if let Err(error) = save(changed.clone()) {
            for (name, group) in before {
                match group {
                    Some(group) => self.groups.insert(name, group),
                    None => self.groups.remove(&name),
                };
            }
            return Err(error);
        }
        for (name, fact) in changed {
            match fact {
                Some(fact) => self.kept.written.insert(name, fact),
                None => self.kept.written.remove(&name),
            };
        }
        Ok(())
    }
}

impl ConsumerGroup {
    fn fact(&self) -> Vec<u8> {
        let consumers = self.consumers.iter();
        catalog::written(&GroupFact {
            settings: self.settings,
            consumers: consumers
                .map(|(name, consumer)| (name.clone(), consumer.reported.clone()))
                .collect(),
            slots: self.slots.clone(),
        })
    }

    fn read(fact: GroupFact, now: SystemTime) -> Self {
        let consumers = fact.consumers.into_iter();
        let consumer = |reported| Consumer {
            last_heartbeat: now,
            reported,
        };
        Self {
            settings: fact.settings,
            consumers: consumers
                .map(|(name, reported)| (name, consumer(reported)))
                .collect(),
            slots: fact.slots,
        }
    }
}
