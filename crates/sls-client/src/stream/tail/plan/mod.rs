//! Decides what a tail asks for next, without I/O and without a clock.
//!
//! ```text
//!                      ancestors read
//!   listed --> Waiting ------------> Queued --task--> Asked --batch--> Held --given--> Queued
//!                                      ^                |                 \--at its end--> Done
//!                                      |                +--no news, an error--> Resting
//!                                      +-------- time is up ----------------------+
//!                                                       +--no news, and none can come--> Done
//! ```
//!
//! Time is a duration since the tail began; it only has to move forward.

mod reading; // one shard's part
mod rules; // what the user wants
#[cfg(test)]
mod simulation; // a logstore and a reader that do everything at random
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sls_core::model::{Cursor, CursorPosition, Shard, ShardId};

use super::lineage::is_ancestor;
use super::start::TailStart;
use crate::stream::start::{StreamStart, reaches};
use reading::{Reading, State};
pub(super) use rules::Rules;

/// Something to ask the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// List the shards.
    List,
    /// Turn a position of one shard into a cursor.
    Fix {
        shard: ShardId,
        edge: Edge,
        position: CursorPosition,
    },
    /// Pull from one shard.
    Pull {
        shard: ShardId,
        cursor: Cursor,
        end: Option<Cursor>,
    },
}

/// Which end of what is read of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Start,
    End,
}

/// A batch that has arrived, as far as the decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) next: Cursor,
    pub(super) bytes: usize,
    pub(super) is_caught_up: bool,
}

/// Why a question about a shard has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no such shard any more.
    Gone,
    /// Nobody looked after the call, so that its time may just have run out. It is asked again
    /// without a word, once.
    LeftAlone,
    /// Anything else.
    Other,
}

/// What is known of all shards, and what is under way.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rules: Rules,
    readings: BTreeMap<ShardId, Reading>,
    /// Shards that may be asked about, the one that has waited longest first.
    queue: VecDeque<ShardId>,
    listing: Listing,
    /// Whether the shards were ever listed.
    opened: bool,
    in_flight: usize,
    held_bytes: usize,
}

/// When the shards are listed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// Then, or as soon as there is room; how often it failed in a row.
    Due { at: Duration, failures: u32 },
    /// It is under way.
    Asked { failures: u32 },
    /// Not again: what is read is fixed.
    Over,
}

impl Plan {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            readings: BTreeMap::new(),
            queue: VecDeque::new(),
            listing: Listing::Due {
                at: Duration::ZERO,
                failures: 0,
            },
            opened: false,
            in_flight: 0,
            held_bytes: 0,
        }
    }

    /// The next thing to ask, if anything may be asked now. It counts as under way then.
    pub(super) fn next_task(&mut self, now: Duration) -> Option<Task> {
        self.wake(now);
        if self.in_flight >= self.rules.max_in_flight {
            return None;
        }
        let task = self.list_if_due(now).or_else(|| self.ask_next())?;
        self.in_flight += 1;
        Some(task)
    }

    /// When there may be a next task though nothing arrives.
    pub(super) fn wakes_at(&self) -> Option<Duration> {
        let listing = match self.listing {
            Listing::Due { at, .. } if self.in_flight < self.rules.max_in_flight => Some(at),
            _ => None,
        };
        let resting = self.readings.values().filter_map(Reading::rests_until);
        resting.chain(listing).min()
    }

    /// Whether everything there was to read has been given.
    pub(super) fn is_over(&self) -> bool {
        self.opened && !self.rules.follows() && self.readings.values().all(Reading::is_done)
    }

    /// Where the next batch of each shard starts, once that is known of every shard that is not
    /// read from its beginning.
    pub(super) fn positions(&self) -> Option<BTreeMap<ShardId, Cursor>> {
        if !self.opened {
            return match &self.rules.from {
                TailStart::Positions(cursors) => Some(cursors.clone()),
                TailStart::Position(CursorPosition::Begin) => Some(BTreeMap::new()),
                TailStart::Position(_) => None,
            };
        }
        if self.readings.values().any(Reading::starts_somewhere_else) {
            return None;
        }
        let listed = self.readings.iter().filter(|(_, it)| it.is_listed);
        let known = listed.filter_map(|(id, it)| Some((*id, it.cursor()?.clone())));
        Some(known.collect())
    }

    /// The shards are these.
    pub(super) fn listed(&mut self, now: Duration, shards: Vec<Shard>) {
        self.in_flight -= 1;
        self.listing = if self.rules.follows() {
            Listing::Due {
                at: now.saturating_add(self.rules.list_interval),
                failures: 0,
            }
        } else {
            Listing::Over
        };
        for reading in self.readings.values_mut() {
            reading.is_listed = false;
        }
        let mut new = Vec::new();
        for shard in shards {
            match self.readings.get_mut(&shard.id) {
                Some(reading) => {
                    if reading.describe(shard) {
                        self.queue.push_back(reading.id());
                    }
                }
                None => new.push(shard),
            }
        }
        new.sort_by_key(|shard| shard.id);
        let is_first = !std::mem::replace(&mut self.opened, true);
        let ids: Vec<_> = new.iter().map(|shard| shard.id).collect();
        for shard in new {
            let reading = self.rules.reading(shard, is_first);
            self.readings.insert(reading.id(), reading);
        }
        for id in ids {
            self.settle(id, now);
        }
    }

    /// The shards could not be listed; whether to tell of it.
    pub(super) fn not_listed(&mut self, now: Duration, failure: Failure) -> bool {
        self.in_flight -= 1;
        let Listing::Asked { failures } = self.listing else {
            return true;
        };
        let is_excused = failure == Failure::LeftAlone && failures == 0;
        let failures = failures.saturating_add(1);
        let pause = if is_excused {
            Duration::ZERO
        } else {
            self.rules.pause(failures)
        };
        self.listing = Listing::Due {
            at: now.saturating_add(pause),
            failures,
        };
        !is_excused
    }

    /// A position has this cursor.
    pub(super) fn fixed(&mut self, now: Duration, shard: ShardId, edge: Edge, cursor: Cursor) {
        self.in_flight -= 1;
        if let Some(reading) = self.readings.get_mut(&shard) {
            reading.fix(edge, cursor);
            self.settle(shard, now);
        }
    }

    /// A pull has been answered; whether that is a batch to be given.
    pub(super) fn pulled(&mut self, now: Duration, shard: ShardId, arrived: Arrived) -> bool {
        self.in_flight -= 1;
        let Some(reading) = self.readings.get_mut(&shard) else {
            return false;
        };
        reading.succeeded();
        if !arrived.is_caught_up {
            self.held_bytes += arrived.bytes;
            reading.hold(arrived);
            return true;
        }
        // News can come as long as the shard took writes when it was asked; what it was asked
        // before it was closed says nothing about its end.
        if !self.rules.follows() || reading.was_closed_when_asked() {
            self.finish(shard, now);
        } else if reading.is_closed() {
            self.enqueue(shard);
        } else {
            reading.state = State::Resting {
                until: now.saturating_add(self.rules.idle),
            };
        }
        false
    }

    /// The batch of this shard has been given to whoever reads the tail.
    pub(super) fn given(&mut self, now: Duration, shard: ShardId) {
        let Some(reading) = self.readings.get_mut(&shard) else {
            return;
        };
        let Some(bytes) = reading.advance() else {
            return;
        };
        self.held_bytes -= bytes;
        if reading.is_at_end() {
            self.finish(shard, now);
        } else {
            self.enqueue(shard);
        }
    }

    /// A question about a shard has no answer; whether to tell of it.
    pub(super) fn failed(&mut self, now: Duration, shard: ShardId, failure: Failure) -> bool {
        self.in_flight -= 1;
        let Some(reading) = self.readings.get_mut(&shard) else {
            return true;
        };
        if failure == Failure::Gone {
            self.finish(shard, now);
            return true;
        }
        let failures = reading.fail();
        let is_excused = failure == Failure::LeftAlone && failures == 1;
        if is_excused {
            reading.state = State::Queued;
            self.queue.push_front(shard);
        } else {
            reading.state = State::Resting {
                until: now.saturating_add(self.rules.pause(failures)),
            };
        }
        !is_excused
    }

    /// Queues what has rested long enough.
    fn wake(&mut self, now: Duration) {
        for (id, reading) in &mut self.readings {
            if reading.rests_until().is_some_and(|until| until <= now) {
                reading.state = State::Queued;
                self.queue.push_back(*id);
            }
        }
    }

    fn list_if_due(&mut self, now: Duration) -> Option<Task> {
        match self.listing {
            Listing::Due { at, failures } if at <= now => {
                self.listing = Listing::Asked { failures };
                Some(Task::List)
            }
            _ => None,
        }
    }

    /// Takes the first shard of the queue that there is room for.
    ///
    /// Nothing is pulled until every position of the beginning is a cursor: "the end" has to
    /// mean the same moment for all shards, and from the first batch on the positions are
    /// complete.
    fn ask_next(&mut self) -> Option<Task> {
        let may_pull = self.held_bytes < self.rules.max_held_bytes
            && !self.readings.values().any(Reading::must_be_fixed);
        let readings = &mut self.readings;
        let place = self.queue.iter().position(|id| {
            let reading = readings.get(id);
            may_pull || reading.is_some_and(|reading| !reading.is_fixed())
        })?;
        let id = self.queue.remove(place)?;
        let reading = readings.get_mut(&id)?;
        Some(reading.ask())
    }

    /// Puts a shard where it belongs after it became known or got a cursor.
    fn settle(&mut self, shard: ShardId, now: Duration) {
        let Some(reading) = self.readings.get(&shard) else {
            return;
        };
        if reading.is_done() {
            return;
        }
        if reading.is_at_end() {
            self.finish(shard, now);
        } else if reading.must_be_fixed() || !self.has_unread_ancestor(reading) {
            self.enqueue(shard);
        } else if let Some(reading) = self.readings.get_mut(&shard) {
            reading.state = State::Waiting;
        }
    }

    /// Nothing more is read of a shard: its children may begin, and there may be new ones.
    fn finish(&mut self, shard: ShardId, now: Duration) {
        if let Some(reading) = self.readings.get_mut(&shard) {
            reading.state = State::Done;
        }
        let waiting = self.readings.values().filter(|it| it.is_waiting());
        let ready: Vec<_> = waiting
            .filter(|reading| !self.has_unread_ancestor(reading))
            .map(Reading::id)
            .collect();
        for id in ready {
            self.enqueue(id);
        }
        if let Listing::Due { at, failures: 0 } = &mut self.listing {
            // Many shards that end one after the other shall not be a list each.
            *at = (*at).min(now.saturating_add(self.rules.idle));
        }
    }

    fn has_unread_ancestor(&self, reading: &Reading) -> bool {
        let mut unread = self.readings.values().filter(|it| !it.is_done());
        unread.any(|it| is_ancestor(it.shard(), reading.shard()))
    }

    fn enqueue(&mut self, shard: ShardId) {
        if let Some(reading) = self.readings.get_mut(&shard) {
            reading.state = State::Queued;
            self.queue.push_back(shard);
        }
    }
}

/// What a start or an end says about one shard.
fn place_in(start: &TailStart, shard: ShardId) -> Option<StreamStart> {
    match start {
        TailStart::Position(position) => Some(StreamStart::Position(*position)),
        TailStart::Positions(cursors) => cursors.get(&shard).cloned().map(StreamStart::Cursor),
    }
}
