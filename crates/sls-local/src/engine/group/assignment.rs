//! Who has which shard, and how shards move without ever being at two places.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sls_core::model::ShardId;

use super::checkpoint::Saved;
use super::{Consumer, ConsumerGroup, ShardFact};

/// Where a shard is on its way through the consumers of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Assignment {
    /// In a group with order: a parent was not read to its end yet.
    Waiting,
    /// Nobody has it.
    Free,
    /// One consumer has it, or is about to hear so.
    Held(String),
    /// Still held by the first, promised to the second.
    Leaving { from: String, to: String },
    /// Still held, and to wait again once it is let go: a parent is not over after all.
    Recalled(String),
    /// Closed and read to its end.
    Over,
}

/// What a group knows of one shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) assignment: Assignment,
    pub(super) saved: Saved,
    /// Whether it came to a group with order, and so waits for its parents.
    pub(super) waits: bool,
}

impl Slot {
    /// Lets go of consumers that are no more.
    pub(super) fn forget_consumers_outside(&mut self, alive: &BTreeMap<String, Consumer>) {
        let lives = |name: &String| alive.contains_key(name);
        match &self.assignment {
            Assignment::Held(name) if !lives(name) => self.assignment = Assignment::Free,
            Assignment::Leaving { from, to } => match (lives(from), lives(to)) {
                (true, true) => {}
                // The promise is off; the first may or may not have let go already.
                (true, false) => self.assignment = Assignment::Held(from.clone()),
                (false, true) => self.assignment = Assignment::Held(to.clone()),
                (false, false) => self.assignment = Assignment::Free,
            },
            Assignment::Recalled(name) if !lives(name) => self.assignment = Assignment::Waiting,
            _ => {}
        }
    }

    /// From now on parents do not matter.
    pub(super) fn give_up_waiting(&mut self) {
        self.waits = false;
        match &self.assignment {
            Assignment::Waiting => self.assignment = Assignment::Free,
            Assignment::Recalled(name) => self.assignment = Assignment::Held(name.clone()),
            _ => {}
        }
    }

    /// Waits for parents in a group with order, and no longer than for them.
    fn follow_parents(&mut self, over: bool) {
        self.assignment = match (&self.assignment, over) {
            (Assignment::Waiting, true) => Assignment::Free,
            (Assignment::Recalled(name), true) => Assignment::Held(name.clone()),
            // A parent was over, and somebody set its checkpoint back.
            (Assignment::Free, false) if self.waits => Assignment::Waiting,
            (Assignment::Held(name) | Assignment::Leaving { from: name, .. }, false)
                if self.waits =>
            {
                Assignment::Recalled(name.clone())
            }
            _ => return,
        };
    }

    /// Whose shard it is or will be.
    fn owner(&self) -> Option<&str> {
        match &self.assignment {
            Assignment::Held(name) | Assignment::Leaving { to: name, .. } => Some(name),
            _ => None,
        }
    }

    /// Who may be reading it now.
    pub(super) fn holder(&self) -> Option<&str> {
        match &self.assignment {
            Assignment::Held(name)
            | Assignment::Leaving { from: name, .. }
            | Assignment::Recalled(name) => Some(name),
            _ => None,
        }
    }
}

impl ConsumerGroup {
    /// Passes on what a consumer no longer reports.
    pub(super) fn take_back(&mut self, name: &str) {
        let Some(consumer) = self.consumers.get(name) else {
            return;
        };
        for (shard, slot) in &mut self.slots {
            if consumer.reported.contains(shard) {
                continue;
            }
            match &slot.assignment {
                Assignment::Leaving { from, to } if from == name => {
                    slot.assignment = Assignment::Held(to.clone());
                }
                Assignment::Recalled(from) if from == name => {
                    slot.assignment = Assignment::Waiting;
                }
                _ => {}
            }
        }
    }

    /// Follows the shards of the logstore: new ones, gone ones, finished ones.
    pub(super) fn follow(&mut self, shards: &[ShardFact]) {
        let known: BTreeSet<_> = shards.iter().map(|shard| shard.id).collect();
        self.slots.retain(|id, _| known.contains(id));
        let order = self.settings.order;
        for shard in shards {
            let slot = self.slots.entry(shard.id).or_insert_with(|| Slot {
                assignment: if order {
                    Assignment::Waiting
                } else {
                    Assignment::Free
                },
                saved: Saved::default(),
                waits: order,
            });
            let is_over = shard.end.is_some() && slot.saved.position() == shard.end;
            if is_over {
                slot.assignment = Assignment::Over;
            } else if slot.assignment == Assignment::Over {
                // Somebody set the checkpoint back.
                slot.assignment = Assignment::Free;
            }
        }
        for shard in shards {
            // A parent that is gone has expired with everything in it.
            let parents_over = shard.parents.iter().all(|parent| {
                let slot = self.slots.get(parent);
                slot.is_none_or(|slot| slot.assignment == Assignment::Over)
            });
            if let Some(slot) = self.slots.get_mut(&shard.id) {
                slot.follow_parents(parents_over);
            }
        }
    }

    /// Gives every free shard to the consumer that has fewest.
    pub(super) fn hand_out(&mut self) {
        let free: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.assignment == Assignment::Free)
            .map(|(id, _)| *id)
            .collect();
        for id in free {
            let Some(((_, to), _)) = self.extremes() else {
                return;
            };
            self.promise(id, to);
        }
    }

    /// Moves shards from who has most to who has fewest until they differ by one at most.
    pub(super) fn balance(&mut self) {
        while let Some(((fewest, to), (most, from))) = self.extremes() {
            if most - fewest <= 1 {
                return;
            }
            let Some(id) = self.easiest_to_move(&from) else {
                return;
            };
            self.promise(id, to);
        }
    }

    /// What a consumer should hold now.
    pub(super) fn held_by(&self, name: &str) -> Vec<ShardId> {
        let held =
            |slot: &Slot| matches!(&slot.assignment, Assignment::Held(holder) if holder == name);
        self.slots
            .iter()
            .filter(|(_, slot)| held(slot))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Makes `to` the owner: at once, or when whoever may still read it lets go.
    fn promise(&mut self, id: ShardId, to: String) {
        let reports_it = |name: &str| {
            let consumer = self.consumers.get(name);
            consumer.is_some_and(|consumer| consumer.reported.contains(&id))
        };
        let Some(slot) = self.slots.get(&id) else {
            return;
        };
        // A shard that nobody has may still be reported by who had it, for instance after it
        // was over and its checkpoint was set back.
        let holder = slot.holder().map(str::to_owned).or_else(|| {
            let mut names = self.consumers.keys();
            names.find(|name| reports_it(name)).cloned()
        });
        let assignment = match holder {
            Some(from) if from != to => Assignment::Leaving { from, to },
            _ => Assignment::Held(to),
        };
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.assignment = assignment;
        }
    }

    /// A shard of a consumer that costs least to give away: one that is only promised to
    /// it, one that it has not begun, any.
    fn easiest_to_move(&self, name: &str) -> Option<ShardId> {
        let reported = &self.consumers.get(name)?.reported;
        let cost = |(id, slot): &(&ShardId, &Slot)| match &slot.assignment {
            Assignment::Leaving { .. } => 0,
            _ if !reported.contains(id) => 1,
            _ => 2,
        };
        self.slots
            .iter()
            .filter(|(_, slot)| slot.owner() == Some(name))
            .min_by_key(cost)
            .map(|(id, _)| *id)
    }

    /// Who has fewest shards and who has most, with how many; `None` without consumers.
    fn extremes(&self) -> Option<((usize, String), (usize, String))> {
        let mut loads: BTreeMap<&str, usize> = self
            .consumers
            .keys()
            .map(|name| (name.as_str(), 0))
            .collect();
        for owner in self.slots.values().filter_map(Slot::owner) {
            if let Some(load) = loads.get_mut(owner) {
                *load += 1;
            }
        }
        let by_load = || loads.iter().map(|(name, load)| (*load, *name));
        let (fewest, most) = (by_load().min()?, by_load().max()?);
        let owned = |(load, name): (usize, &str)| (load, name.to_owned());
        Some((owned(fewest), owned(most)))
    }
}
