//! Which shards this consumer may work on, and until when. Pure: the time is an argument.
//!
//! ```text
//!              answered: shards to hold             now >= sent + timeout - margin
//!   outside ---------------------------> inside ------------------------------------> outside
//!   (body [])                            body: every shard whose task has not stopped
//!
//!   in the answer, not held            start
//!   held, not in the answer            drain; reported until its task has stopped
//!   consumer not known, group gone     everything is given up at once, and joined anew
//! ```
//!
//! A lease is counted from the *sending* of the last heartbeat that was answered: the service
//! cannot have counted from an earlier moment. It ends `margin` before the service may give
//! the shards to others. Its end is final: an answer that comes later begins a new lease with
//! a new number, and tasks of the old one stay fenced off.
//!
//! A heartbeat that was given up may still reach the service, and then unsays whatever it does
//! not list. So a shard that it did not list is not begun before it must have arrived or be
//! lost.
//!
//! While shards are on their way to this consumer, after it joined or was given more, heartbeats
//! come four times as often: the others let go one after the other, and each shard would wait for
//! the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sls_core::model::ShardId;

/// Time since the worker began, by a clock that never jumps.
pub(crate) type Moment = Duration;

/// The lengths of time that leases are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseRules {
    /// From the sending of a heartbeat to the next.
    pub(crate) interval: Duration,
    /// How long the service waits for a heartbeat.
    pub(crate) timeout: Duration,
    /// How much earlier than the service this side gives up.
    pub(crate) margin: Duration,
    /// How long a request may still arrive after it was given up.
    pub(crate) settle: Duration,
}

/// By how much the interval is shortened while shards are on their way.
const HURRY: u32 = 4;

/// Leave to work on shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Tells one lease from the next.
    pub(crate) epoch: u64,
    /// Its end.
    pub(crate) until: Moment,
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Send a heartbeat that lists these shards.
    Beat(Vec<ShardId>),
    /// Start a task for the shard, under the lease of this number.
    Start(ShardId, u64),
    /// Have the task finish what it has in hand, save and stop.
    Drain(ShardId),
    /// The lease is over; its tasks stop by themselves.
    Lost,
}

/// Why a heartbeat gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// No answer came; the service may have acted, or may yet.
    NoAnswer,
    /// The service refused.
    Refused,
    /// The service does not know this consumer, or the group: nothing is held any more.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Running,
    Draining,
    /// Its lease is over; it is about to find out.
    Fenced,
}

#[derive(Debug)]
struct Beat {
    sent: Moment,
    reported: BTreeSet<ShardId>,
}

/// A heartbeat that may still arrive.
#[derive(Debug)]
struct Stray {
    until: Moment,
    /// What it leaves as it is.
    reported: BTreeSet<ShardId>,
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Lease {
    rules: LeaseRules,
    grant: Option<Grant>,
    epoch: u64,
    is_joined: bool,
    is_leaving: bool,
    /// The shards that have a task.
    tasks: BTreeMap<ShardId, Task>,
    /// Given with the last answer, not begun. Good until the next heartbeat is sent, which
    /// does not list them.
    given: BTreeSet<ShardId>,
    to_drain: Vec<ShardId>,
    /// The last answer since this consumer joined.
    answer: Option<BTreeSet<ShardId>>,
    /// Until when more shards are expected.
    hurried: Moment,
    in_flight: Option<Beat>,
    stray: Option<Stray>,
    last_sent: Option<Moment>,
    next_beat: Moment,
    failures: u32,
}

impl Lease {
    pub(crate) fn new(rules: LeaseRules) -> Self {
        Self {
            rules,
            grant: None,
            epoch: 0,
            is_joined: false,
            is_leaving: false,
            tasks: BTreeMap::new(),
            given: BTreeSet::new(),
            to_drain: Vec::new(),
            answer: None,
            hurried: Duration::ZERO,
            in_flight: None,
            stray: None,
            last_sent: None,
            next_beat: Duration::ZERO,
            failures: 0,
        }
    }

    /// The next thing to do, `None` for nothing before [`wakes_at`](Self::wakes_at).
    pub(crate) fn next(&mut self, now: Moment) -> Option<Order> {
        if self.grant.is_some_and(|grant| now >= grant.until) {
            self.lose();
            return Some(Order::Lost);
        }
        // What cannot arrive any more is nothing to wake up for.
        self.stray = self.stray.take().filter(|stray| now < stray.until);
        if let Some(shard) = self.to_drain.pop() {
            return Some(Order::Drain(shard));
        }
        if let (Some(shard), Some(grant)) = (self.startable(now), self.grant) {
            self.given.remove(&shard);
            self.tasks.insert(shard, Task::Running);
            return Some(Order::Start(shard, grant.epoch));
        }
        if self.in_flight.is_none() && self.beat_at().is_some_and(|at| now >= at) {
            let reported: BTreeSet<_> = match self.is_joined {
                true => self.tasks.keys().copied().collect(),
                false => BTreeSet::new(),
            };
            self.given.clear();
            self.last_sent = Some(now);
            self.next_beat = now + self.rules.interval;
            let body = reported.iter().copied().collect();
            self.in_flight = Some(Beat {
                sent: now,
                reported,
            });
            return Some(Order::Beat(body));
        }
        None
    }

    /// When [`next`](Self::next) has to be asked again without an event.
    pub(crate) fn wakes_at(&self) -> Option<Moment> {
        let beat = self.beat_at().filter(|_| self.in_flight.is_none());
        let end = self.grant.map(|grant| grant.until);
        let stray = self.stray.as_ref().map(|stray| stray.until);
        let stray = stray.filter(|_| !self.given.is_empty());
        [beat, end, stray].into_iter().flatten().min()
    }

    /// The leave to work, as it stands.
    pub(crate) fn grant(&self) -> Option<Grant> {
        self.grant
    }

    /// The shards that have a task, also one that is stopping.
    pub(crate) fn held(&self) -> impl ExactSizeIterator<Item = ShardId> {
        self.tasks.keys().copied()
    }

    /// The heartbeat that is under way was answered with the shards to hold.
    pub(crate) fn answered(&mut self, now: Moment, shards: &[ShardId]) {
        let Some(beat) = self.in_flight.take() else {
            return;
        };
        self.failures = 0;
        self.is_joined = true;
        // Between the end of the lease and this answer the shards may have been another's.
        if self.grant.is_some_and(|grant| now >= grant.until) {
            self.lose();
        }
        let length = self.rules.timeout.saturating_sub(self.rules.margin);
        let until = beat.sent + length;
        if now >= until {
            self.next_beat = now;
            return;
        }
        match &mut self.grant {
            Some(grant) => grant.until = grant.until.max(until),
            None => {
                self.epoch += 1;
                let epoch = self.epoch;
                self.grant = Some(Grant { epoch, until });
            }
        }
        let given: BTreeSet<_> = shards.iter().copied().collect();
        self.hurry(now, beat.sent, &given);
        for (shard, task) in &mut self.tasks {
            if *task == Task::Running && !given.contains(shard) {
                *task = Task::Draining;
                self.to_drain.push(*shard);
            }
        }
        if !self.is_leaving {
            let is_running = |shard: &ShardId| self.tasks.get(shard) == Some(&Task::Running);
            self.given = given.into_iter().filter(|id| !is_running(id)).collect();
        }
    }

    /// The heartbeat that is under way gave nothing.
    pub(crate) fn failed(&mut self, now: Moment, silence: Silence) {
        let Some(beat) = self.in_flight.take() else {
            return;
        };
        match silence {
            Silence::NoAnswer => self.remember_stray(now, beat),
            Silence::Refused => {}
            Silence::Unknown => {
                self.lose();
                self.is_joined = false;
                self.answer = None;
            }
        }
        // The first failure to be known costs no wait that a healthy service would notice.
        let wait = self.rules.interval / 10 * 2u32.saturating_pow(self.failures.min(10));
        self.failures += 1;
        self.next_beat = now + wait.min(self.rules.interval);
    }

    /// A task has stopped; nothing of it runs any more.
    pub(crate) fn stopped(&mut self, now: Moment, shard: ShardId) {
        self.tasks.remove(&shard);
        self.to_drain.retain(|id| *id != shard);
        if self.is_joined {
            // Others wait for it.
            let soon = self.last_sent.unwrap_or_default() + self.rules.interval / 10;
            self.next_beat = self.next_beat.min(soon.max(now));
        }
    }

    /// Drains every shard and starts no more.
    pub(crate) fn leave(&mut self) {
        self.is_leaving = true;
        self.given.clear();
        for (shard, task) in &mut self.tasks {
            if *task == Task::Running {
                *task = Task::Draining;
                self.to_drain.push(*shard);
            }
        }
    }

    /// Whether it left and every task has stopped.
    pub(crate) fn is_over(&self) -> bool {
        self.is_leaving && self.tasks.is_empty()
    }

    /// Whether the service has answered a heartbeat since this consumer last joined.
    pub(crate) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// When to send the next heartbeat.
    ///
    /// A consumer that leaves is silent, so that the service misses it soon, and renews its
    /// lease only when the tasks could not finish otherwise.
    fn beat_at(&self) -> Option<Moment> {
        if !self.is_leaving {
            return Some(self.next_beat);
        }
        let renew = self.grant?.until.saturating_sub(self.rules.interval);
        let retry = self.last_sent? + self.rules.interval / 10;
        (!self.tasks.is_empty()).then(|| renew.max(retry))
    }

    /// Has the next heartbeats follow sooner, when this answer gave more than the one before.
    ///
    /// Every other consumer hears within an interval that it has to let go; a part of one more is
    /// for letting go.
    fn hurry(&mut self, now: Moment, sent: Moment, given: &BTreeSet<ShardId>) {
        let soon = self.rules.interval / HURRY;
        let has_more = match &self.answer {
            Some(before) => !given.is_subset(before),
            None => true,
        };
        if has_more {
            self.hurried = now + self.rules.interval + soon;
        }
        if now < self.hurried {
            self.next_beat = self.next_beat.min((sent + soon).max(now));
        }
        self.answer = Some(given.clone());
    }

    fn startable(&self, now: Moment) -> Option<ShardId> {
        let unsays = |shard: &ShardId| {
            let stray = self.stray.as_ref().filter(|stray| now < stray.until);
            stray.is_some_and(|stray| !stray.reported.contains(shard))
        };
        let mut given = self.given.iter();
        given
            .find(|shard| !self.tasks.contains_key(shard) && !unsays(shard))
            .copied()
    }

    fn lose(&mut self) {
        self.grant = None;
        self.given.clear();
        self.to_drain.clear();
        for task in self.tasks.values_mut() {
            *task = Task::Fenced;
        }
    }

    fn remember_stray(&mut self, now: Moment, beat: Beat) {
        let until = now + self.rules.settle;
        let reported = match self.stray.take().filter(|stray| now < stray.until) {
            Some(stray) => stray
                .reported
                .intersection(&beat.reported)
                .copied()
                .collect(),
            None => beat.reported,
        };
        self.stray = Some(Stray { until, reported });
    }
}

#[cfg(test)]
mod tests;
