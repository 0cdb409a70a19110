//! Consumer groups: who reads which shard, and how far they are.
//!
//! ```text
//! heartbeat: what a consumer holds -> what it should hold
//!
//!   waiting --parents read--> free --> held(a) --balance--> leaving(a, b) --a let go--> held(b)
//!                              ^          |                      |
//!                              +----------+-- a is silent -------+--> held(b)
//!   any of them --closed and read to its end--> over
//!   held, of a parent whose checkpoint was set back --> recalled --let go--> waiting
//! ```
//!
//! A shard is never given to a second consumer before the first says that it let go, or was
//! silent for longer than the group's timeout.

mod assignment; // who has which shard
mod checkpoint; // how far a shard was read
mod fact; // a group as it is written down
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sls_core::model::ShardId;

use crate::refusal::Refusal;

pub(crate) use checkpoint::Save;

use assignment::Slot;
use fact::Kept;

/// The most groups of a logstore, the larger of the manual's two numbers.
const MAX_GROUPS: usize = 30;
/// The most consumers of a group, so that names alone cannot fill the memory.
const MAX_CONSUMERS: usize = 1000;
/// The longest name of a group or a consumer, in bytes.
const MAX_NAME: usize = 128;
/// The longest timeout: a day.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a group has to know of a shard.
#[derive(Debug, Clone)]
pub(crate) struct ShardFact {
    pub(crate) id: ShardId,
    pub(crate) parents: Vec<ShardId>,
    /// The position after the last group of a shard that takes no more writes.
    pub(crate) end: Option<u64>,
}

/// The groups of a logstore by name.
#[derive(Debug, Default)]
pub(crate) struct ConsumerGroups {
    groups: BTreeMap<String, ConsumerGroup>,
    kept: Kept,
}

impl ConsumerGroups {
    pub(crate) fn create(&mut self, name: &str, settings: GroupSettings) -> Result<(), Refusal> {
        check_name("consumer group", name)?;
        settings.check()?;
        if self.groups.contains_key(name) {
            let message = format!("consumer group {name} already exists");
            return Err(Refusal::bad("ConsumerGroupAlreadyExist", message));
        }
        if self.groups.len() >= MAX_GROUPS {
            let message = format!("a logstore has at most {MAX_GROUPS} consumer groups");
            return Err(Refusal::quota("ExceedQuota", message));
        }
        self.kept.touch(name, None);
        self.groups
            .insert(name.to_owned(), ConsumerGroup::new(settings));
        Ok(())
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        let gone = self.groups.remove(name).ok_or_else(|| missing(name))?;
        self.kept.touch(name, Some(&gone));
        Ok(())
    }

    pub(crate) fn get(&mut self, name: &str) -> Result<&mut ConsumerGroup, Refusal> {
        let group = self.groups.get_mut(name).ok_or_else(|| missing(name))?;
        self.kept.touch(name, Some(group));
        Ok(group)
    }

    /// All groups by name.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&str, GroupSettings)> {
        self.groups
            .iter()
            .map(|(name, group)| (name.as_str(), group.settings))
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::missing(
        "ConsumerGroupNotExist",
        format!("consumer group {name} does not exist"),
    )
}

/// What can be set of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupSettings {
    /// How long a consumer may be silent.
    pub(crate) timeout: Duration,
    /// Whether the children of a shard wait until it was read to its end.
    pub(crate) order: bool,
}

impl GroupSettings {
    fn check(&self) -> Result<(), Refusal> {
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            let message = format!("timeout must be 1 to {} seconds", MAX_TIMEOUT.as_secs());
            return Err(Refusal::parameter(message));
        }
        Ok(())
    }
}

/// One group: its consumers and the state of every shard.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerGroup {
    settings: GroupSettings,
    consumers: BTreeMap<String, Consumer>,
    slots: BTreeMap<ShardId, Slot>,
}

#[derive(Debug, Clone)]
struct Consumer {
    last_heartbeat: SystemTime,
    /// What it said it holds.
    reported: BTreeSet<ShardId>,
}

impl ConsumerGroup {
    pub(crate) fn new(settings: GroupSettings) -> Self {
        Self {
            settings,
            consumers: BTreeMap::new(),
            slots: BTreeMap::new(),
        }
    }

    pub(crate) fn settings(&self) -> GroupSettings {
        self.settings
    }

    /// Changes the settings: without order nobody waits any more, with order only shards
    /// wait that come later.
    pub(crate) fn update(&mut self, settings: GroupSettings) -> Result<(), Refusal> {
        settings.check()?;
        if !settings.order {
            for slot in self.slots.values_mut() {
                slot.give_up_waiting();
            }
        }
        self.settings = settings;
        Ok(())
    }

    /// Takes note of a consumer and of what it holds, and says what it should hold.
    ///
    /// A consumer that holds more lets go of the difference and goes on reporting it until
    /// it did.
    pub(crate) fn heartbeat(
        &mut self,
        name: &str,
        reported: BTreeSet<ShardId>,
        shards: &[ShardFact],
        now: SystemTime,
    ) -> Result<Vec<ShardId>, Refusal> {
        check_name("consumer", name)?;
        self.expire(now);
        self.greet(name, reported, now)?;
        self.take_back(name);
        self.follow(shards);
        self.hand_out();
        self.balance();
        Ok(self.held_by(name))
    }

    /// Forgets consumers that were silent for too long, and frees what they held.
    fn expire(&mut self, now: SystemTime) {
        let timeout = self.settings.timeout;
        let is_silent = |consumer: &Consumer| {
            let silence = now.duration_since(consumer.last_heartbeat);
            silence.is_ok_and(|silence| silence > timeout)
        };
        self.consumers.retain(|_, consumer| !is_silent(consumer));
        for slot in self.slots.values_mut() {
            slot.forget_consumers_outside(&self.consumers);
        }
    }

    /// A consumer that is not known must not hold anything: what it holds may be another's.
    fn greet(
        &mut self,
        name: &str,
        reported: BTreeSet<ShardId>,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let is_known = self.consumers.contains_key(name);
        if !is_known && !reported.is_empty() {
            let message = format!("consumer {name} is not known and reports shards");
            return Err(Refusal::bad("NotExistConsumerWithBody", message));
        }
        if !is_known && self.consumers.len() >= MAX_CONSUMERS {
            let message = format!("a consumer group has at most {MAX_CONSUMERS} consumers");
            return Err(Refusal::quota("ExceedQuota", message));
        }
        let consumer = Consumer {
            last_heartbeat: now,
            reported,
        };
        self.consumers.insert(name.to_owned(), consumer);
        Ok(())
    }
}

fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(Refusal::parameter(format!(
        "the name of a {what} must have 1 to {MAX_NAME} bytes without space and '/'"
    )))
}
