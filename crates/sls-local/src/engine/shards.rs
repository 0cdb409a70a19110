//! The shards of a logstore: opened, split, merged, and gone when they are empty.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sls_core::model::{HashKey, Shard, ShardId};

use super::group::ShardFact as GroupFact;
use super::key_range::KeyRange;
use super::shard::ShardState;
use super::storage::{LogId, ShardLog, StorageError};
use super::{Logs, catalog};
use crate::refusal::Refusal;

/// The most shards that take writes unless told otherwise, as the manual has it for automatic
/// splits.
pub(crate) const DEFAULT_MAX_SHARDS: u32 = 256;
/// So many times as many shards there may be of all, so that splitting back and forth does not
/// fill the memory.
const KEPT: usize = 4;

/// Where to split a shard.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SplitAt {
    /// Into two, at a key strictly inside.
    Key(HashKey),
    /// Into so many of about equal width.
    Parts(u32),
}

/// All shards by number. The ranges of those that take writes cover all keys once.
///
/// Changed as a copy, which takes the place of the original once it is safe.
#[derive(Debug, Clone)]
pub(super) struct Shards {
    logs: Logs,
    all: Vec<ShardState>,
    /// Numbers are never used again.
    next: u32,
    /// How many logs were stored in shards that are gone.
    arrived_before: u64,
    /// The logs of shards that this change lets go of.
    removed: Vec<LogId>,
}

/// The shards as they are written down.
#[derive(Serialize, Deserialize)]
struct ShardsFact {
    all: Vec<ShardFact>,
    next: u32,
    arrived_before: u64,
}

#[derive(Serialize, Deserialize)]
struct ShardFact {
    id: ShardId,
    begin: HashKey,
    end: HashKey,
    created: SystemTime,
    parents: Vec<ShardId>,
    closed: Option<SystemTime>,
    log: u64,
    base: u64,
}

impl Shards {
    /// So many shards of equal width.
    pub(super) fn open(logs: Logs, count: u32, now: SystemTime) -> Result<Self, StorageError> {
        let mut shards = Self {
            logs,
            all: Vec::new(),
            next: 0,
            arrived_before: 0,
            removed: Vec::new(),
        };
        for range in KeyRange::split_evenly(count) {
            shards.add(range, Vec::new(), now)?;
        }
        Ok(shards)
    }

    /// The shards that were written down.
    pub(super) fn read(logs: Logs, fact: &[u8]) -> Result<Self, StorageError> {
        let ShardsFact {
            all,
            next,
            arrived_before,
        } = catalog::read("shards", fact)?;
        let open = |fact: ShardFact| {
            let log_id = LogId(fact.log);
            Ok(ShardState {
                id: fact.id,
                range: KeyRange {
                    begin: fact.begin,
                    end: fact.end,
                },
                created: fact.created,
                parents: fact.parents,
                closed: fact.closed,
                log_id,
                base: fact.base,
                log: logs.reopen(log_id, fact.base)?,
            })
        };
        Ok(Self {
            all: all
                .into_iter()
                .map(open)
                .collect::<Result<_, StorageError>>()?,
            logs,
            next,
            arrived_before,
            removed: Vec::new(),
        })
    }

    /// The shards to be written down.
    pub(super) fn fact(&self) -> Vec<u8> {
        let fact = |shard: &ShardState| ShardFact {
            id: shard.id,
            begin: shard.range.begin,
            end: shard.range.end,
            created: shard.created,
            parents: shard.parents.clone(),
            closed: shard.closed,
            log: shard.log_id.0,
            base: shard.base,
        };
        catalog::written(&ShardsFact {
            all: self.all.iter().map(fact).collect(),
            next: self.next,
            arrived_before: self.arrived_before,
        })
    }

    /// The logs that can go once this change is safe.
    pub(super) fn take_removed(&mut self) -> Vec<LogId> {
        std::mem::take(&mut self.removed)
    }

    /// How many logs were ever stored.
    pub(super) fn arrived(&self) -> u64 {
        let kept = self.all.iter().map(|shard| shard.log.arrived());
        self.arrived_before + kept.sum::<u64>()
    }

    pub(super) fn describe(&self) -> Vec<Shard> {
        self.all.iter().map(ShardState::describe).collect()
    }

    /// The logs of all shards.
    pub(super) fn logs(&self) -> Vec<(ShardId, Arc<dyn ShardLog>)> {
        self.all
            .iter()
            .map(|shard| (shard.id, Arc::clone(&shard.log)))
            .collect()
    }

    /// How many groups each shard has taken since it was made.
    pub(super) fn puts(&self) -> BTreeMap<ShardId, u64> {
        let counts = self.all.iter();
        counts.map(|shard| (shard.id, shard.puts())).collect()
    }

    /// What consumer groups have to know.
    pub(super) fn facts(&self) -> Vec<GroupFact> {
        self.all.iter().map(ShardState::fact).collect()
    }

    /// The shards that take writes.
    pub(super) fn writable(&self) -> impl Iterator<Item = &ShardState> {
        self.all.iter().filter(|shard| shard.is_writable())
    }

    pub(super) fn writable_count(&self) -> u32 {
        self.writable().count() as u32
    }

    /// The most that may take writes.
    pub(super) fn max_writable(&self) -> u32 {
        self.logs.max_shards
    }

    pub(super) fn find(&self, id: ShardId) -> Result<&ShardState, Refusal> {
        self.place(id).map(|place| &self.all[place])
    }

    /// Closes a shard and opens its children; gives them in that order.
    pub(super) fn split(
        &mut self,
        id: ShardId,
        at: SplitAt,
        now: SystemTime,
    ) -> Result<Vec<Shard>, Refusal> {
        let place = self.writable_place(id)?;
        let range = self.all[place].range;
        let children = match at {
            SplitAt::Key(key) => range
                .split_at(key)
                .map(Vec::from)
                .ok_or_else(|| Refusal::parameter("invalid mid hash"))?,
            SplitAt::Parts(parts) if (2..=self.logs.max_shards).contains(&parts) => range
                .split_into(parts)
                .ok_or_else(|| Refusal::parameter("the shard has fewer keys than parts"))?,
            SplitAt::Parts(_) => {
                let message = format!("shardCount must be 2 to {}", self.logs.max_shards);
                return Err(Refusal::parameter(message));
            }
        };
        let after = self.writable_count() as usize - 1 + children.len();
        let most = self.logs.max_shards;
        if after > most as usize || self.all.len() + children.len() > self.max_kept() {
            return Err(Refusal::parameter(format!(
                "a logstore has at most {most} shards"
            )));
        }
        let first = self.all.len();
        for child in children {
            self.add(child, vec![id], now)?;
        }
        self.all[place].closed = Some(now);
        let children = self.all[first..].iter().map(ShardState::describe);
        Ok([self.all[place].describe()]
            .into_iter()
            .chain(children)
            .collect())
    }

    /// Closes a shard and its right neighbour and opens their child; gives the child first.
    pub(super) fn merge(&mut self, id: ShardId, now: SystemTime) -> Result<Vec<Shard>, Refusal> {
        let left = self.writable_place(id)?;
        let range = self.all[left].range;
        let right = self
            .all
            .iter()
            .position(|shard| shard.is_writable() && shard.range.begin == range.end)
            .ok_or_else(|| Refusal::parameter("can not merge the last shard"))?;
        let most = self.max_kept();
        if self.all.len() >= most {
            let message = format!("a logstore has at most {most} shards, closed ones included");
            return Err(Refusal::parameter(message));
        }
        let merged = KeyRange {
            end: self.all[right].range.end,
            ..range
        };
        let parents = vec![id, self.all[right].id];
        self.add(merged, parents, now)?;
        for place in [left, right] {
            self.all[place].closed = Some(now);
        }
        let places = [self.all.len() - 1, left, right];
        Ok(places.map(|place| self.all[place].describe()).to_vec())
    }

    /// Deletes a shard that takes no writes.
    pub(super) fn delete(&mut self, id: ShardId) -> Result<(), Refusal> {
        let place = self.place(id)?;
        if self.all[place].is_writable() {
            let message = format!("invalid shard id {id}: it is readwrite");
            return Err(Refusal::parameter(message));
        }
        let gone = self.all.remove(place);
        self.let_go(&gone);
        Ok(())
    }

    /// Forgets what is too old, and says whether shards can go.
    pub(super) fn expire(
        &self,
        ttl: Option<Duration>,
        now: SystemTime,
    ) -> Result<bool, StorageError> {
        let mut spent = false;
        for shard in &self.all {
            shard.expire(ttl, now)?;
            spent |= shard.is_spent(ttl, now);
        }
        Ok(spent)
    }

    /// Lets go of shards of which nothing is left.
    pub(super) fn remove_spent(&mut self, ttl: Option<Duration>, now: SystemTime) {
        let (gone, kept): (Vec<_>, _) = self
            .all
            .drain(..)
            .partition(|shard| shard.is_spent(ttl, now));
        self.all = kept;
        for shard in gone {
            self.let_go(&shard);
        }
    }

    /// Lets go of everything.
    pub(super) fn remove_all(&mut self) {
        for shard in std::mem::take(&mut self.all) {
            self.let_go(&shard);
        }
    }

    /// How many shards there may be, closed ones included.
    fn max_kept(&self) -> usize {
        KEPT * self.logs.max_shards as usize
    }

    fn let_go(&mut self, shard: &ShardState) {
        self.arrived_before += shard.log.arrived();
        self.removed.push(shard.log_id);
    }

    fn add(
        &mut self,
        range: KeyRange,
        parents: Vec<ShardId>,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        let (log_id, log) = self.logs.create(now)?;
        let base = log.bounds().next;
        self.all.push(ShardState {
            id: ShardId(self.next),
            range,
            created: now,
            parents,
            closed: None,
            log_id,
            base,
            log,
        });
        self.next += 1;
        Ok(())
    }

    fn place(&self, id: ShardId) -> Result<usize, Refusal> {
        self.all
            .iter()
            .position(|shard| shard.id == id)
            .ok_or_else(|| Refusal::bad("ShardNotExist", format!("Shard {id} does not exist")))
    }

    fn writable_place(&self, id: ShardId) -> Result<usize, Refusal> {
        let place = self.place(id)?;
        if !self.all[place].is_writable() {
            let message = format!("invalid shard id {id}: it is readonly");
            return Err(Refusal::parameter(message));
        }
        Ok(place)
    }
}
