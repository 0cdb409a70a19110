//! Everything sealed and not yet done with. Decides what goes next; does nothing itself.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::barrier::Barriers;
use super::chunk::Chunk;
use super::lane::{Lane, LaneState, LaneTable};
use super::pace::Leave;
use super::receipt::FatePart;
use super::seal::{self, Limits};
use super::shard::Taken;
use super::signal::Latch;
use super::storage::Stored;
use crate::sink::Sealed;

/// Where a batch stands in the order of sealing; the second number orders the parts of a batch
/// that was cut.
pub(super) type Key = (u64, u64);

/// The parts of a batch share these numbers.
const WHOLE: u64 = 1 << 62;
/// The parts of a batch that was read from disk share these, of those of the first batch that went
/// there.
const RETURNED: u64 = 1 << 40;

#[derive(Debug)]
pub(super) struct Backlog {
    owner: u32,
    /// Sealed by callers and not looked at yet.
    incoming: VecDeque<(u32, Taken)>,
    entries: BTreeMap<Key, Entry>,
    /// How many batches of each lane wait.
    waiting: Vec<u32>,
    next: u64,
    barriers: Barriers,
    /// By lane: the last pick that could start nothing more of it.
    held: Vec<u64>,
    picks: u64,
    /// Whether the worker could start a batch if there was one: worth waking it.
    pub(super) wanted: bool,
    limits: Limits,
    /// Whether batches that were sealed early travel together.
    pub(super) joins: bool,
    /// Nothing comes in any more.
    pub(super) is_over: bool,
    /// Batches sealed from here on wait until those before them have come back from disk.
    pub(super) spilled_from: Option<u64>,
    /// How many batches have come back since.
    returned: u64,
    /// Nothing that is on disk comes back any more.
    stays_out: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) lane: u32,
    pub(super) items: usize,
    pub(super) cost: usize,
    pub(super) fates: Vec<FatePart>,
    /// Where its items are on disk, if they are: all of them, or none.
    pub(super) stored: Vec<Stored>,
    /// Whether it is not to leave memory for the disk: it came from there, or its place among the
    /// others there would be wrong.
    pub(super) stays: bool,
    /// For which barriers it counts.
    stamp: u64,
    /// Whether it was attempted, which keeps it in memory.
    tried: bool,
    pub(super) panics: u32,
    pub(super) first_attempt: Option<Instant>,
    /// How many of the part numbers are this batch's.
    width: u64,
    /// Whether it is a part.
    is_cut: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting {
        batch: Sealed,
        not_before: Option<Instant>,
    },
    InFlight,
}

/// What [`Backlog::pick`] found.
#[derive(Debug)]
pub(super) enum Pick {
    Start(Key, Box<Sealed>),
    /// Nothing can start before then, or before something changes.
    Later(Option<Instant>),
}

/// What has become of a batch that was to be cut in two.
#[derive(Debug)]
pub(super) enum Cut {
    /// Two others are in its place; here it was on disk.
    Parts(Vec<Stored>),
    /// It is a single item, and still there.
    Single(Box<Sealed>),
    /// It was given up meanwhile.
    Gone,
}

/// What left the backlog for good.
#[derive(Debug)]
pub(super) struct Removed {
    pub(super) entry: Entry,
    /// Nothing before these is left.
    pub(super) reached: Vec<Arc<Latch>>,
}

impl Entry {
    /// Whether it goes where what was sealed before it has gone: to disk.
    fn follows(&self, key: Key, spilled_from: Option<u64>) -> bool {
        !self.stays && !self.tried && spilled_from.is_some_and(|from| key.0 >= from)
    }

    /// The batch, unless it is in flight.
    pub(super) fn into_batch(self) -> Option<Sealed> {
        match self.state {
            State::Waiting { batch, .. } => Some(batch),
            State::InFlight => None,
        }
    }
}

impl Backlog {
    pub(super) fn new(owner: u32, limits: Limits) -> Self {
        Self {
            owner,
            limits,
            joins: false,
            is_over: false,
            spilled_from: None,
            returned: 0,
            stays_out: false,
            // Callers put batches here, and are not to allocate.
            incoming: VecDeque::with_capacity(64),
            entries: BTreeMap::new(),
            waiting: Vec::new(),
            next: 0,
            barriers: Barriers::default(),
            held: Vec::new(),
            picks: 0,
            wanted: false,
        }
    }

    /// Takes what a caller sealed.
    pub(super) fn push(&mut self, lane: u32, taken: Taken) {
        self.incoming.push_back((lane, taken));
    }

    /// Makes batches of what callers sealed.
    pub(super) fn absorb(&mut self, lanes: &LaneTable) {
        while let Some((index, taken)) = self.incoming.pop_front() {
            let items = taken.chunk.count();
            let fates = taken
                .fate
                .map(|fate| FatePart::whole(fate, 0, items))
                .into_iter()
                .collect();
            self.insert(lanes, index, taken.chunk, fates);
        }
    }

    /// Adds a batch behind all others.
    pub(super) fn insert(
        &mut self,
        lanes: &LaneTable,
        index: u32,
        chunk: Chunk,
        fates: Vec<FatePart>,
    ) {
        let stamp = self.next;
        let place = self.place(false);
        self.enter(lanes, index, chunk, (fates, Vec::new()), place, stamp);
    }

    fn enter(
        &mut self,
        lanes: &LaneTable,
        index: u32,
        chunk: Chunk,
        (fates, stored): (Vec<FatePart>, Vec<Stored>),
        (key, width): (Key, u64),
        stamp: u64,
    ) {
        let Some(lane) = lanes.get(index) else { return };
        let id = Lane {
            owner: self.owner,
            index,
        };
        *self.waiting_of(index) += 1;
        let entry = Entry {
            lane: index,
            items: chunk.count(),
            cost: chunk.cost(),
            fates,
            stays: !stored.is_empty(),
            stored,
            stamp,
            tried: false,
            panics: 0,
            first_attempt: None,
            width,
            is_cut: false,
            state: State::Waiting {
                batch: Sealed::new(id, Arc::clone(lane.name()), chunk),
                not_before: None,
            },
        };
        self.entries.insert(key, entry);
    }

    /// Where a new batch stands. What comes back from disk stands before what followed it there.
    fn place(&mut self, returns: bool) -> (Key, u64) {
        match self.spilled_from {
            Some(from) if returns && self.returned < WHOLE / RETURNED => {
                let key = (from, self.returned * RETURNED);
                self.returned += 1;
                (key, RETURNED)
            }
            _ => {
                self.next += 1;
                ((self.next - 1, 0), WHOLE)
            }
        }
    }

    /// How many batches of a lane wait to be started.
    pub(super) fn waiting(&self, lane: u32) -> u32 {
        self.waiting.get(lane as usize).copied().unwrap_or(0)
            + self.incoming.iter().filter(|(it, _)| *it == lane).count() as u32
    }

    /// The first batch that may start, which is in flight from now on.
    ///
    /// Of an ordered lane that is its first one or none; `leave` says whether the other side of a
    /// lane can be fed.
    pub(super) fn pick(
        &mut self,
        lanes: &LaneTable,
        now: Instant,
        leave: impl Fn(u32) -> Leave,
    ) -> Pick {
        let mut later: Option<Instant> = None;
        let mut sooner = |at: Instant| later = Some(later.map_or(at, |other| other.min(at)));
        let mut found = None;
        self.picks += 1;
        self.held.resize(self.waiting.len(), 0);
        for (key, entry) in &self.entries {
            let held = &mut self.held[entry.lane as usize];
            if *held == self.picks {
                continue;
            }
            let is_ordered = lanes.get(entry.lane).is_some_and(LaneState::is_ordered);
            // What is older comes back first, or is left on disk where nothing comes back.
            let waits = is_ordered || !self.stays_out;
            if waits && entry.follows(*key, self.spilled_from) {
                continue;
            }
            if is_ordered {
                *held = self.picks;
            }
            let State::Waiting { not_before, .. } = &entry.state else {
                continue;
            };
            if let Some(at) = not_before.filter(|at| *at > now) {
                sooner(at);
                continue;
            }
            match leave(entry.lane) {
                Leave::Yes => {
                    found = Some(*key);
                    break;
                }
                Leave::At(at) => {
                    sooner(at);
                    *held = self.picks;
                }
                Leave::AfterOthers => *held = self.picks,
            }
        }
        let Some(key) = found else {
            return Pick::Later(later);
        };
        match self.take(key, now) {
            Some(batch) => Pick::Start(key, Box::new(batch)),
            None => Pick::Later(later),
        }
    }

    fn take(&mut self, key: Key, now: Instant) -> Option<Sealed> {
        let entry = self.entries.get_mut(&key)?;
        entry.first_attempt.get_or_insert(now);
        entry.tried = true;
        let lane = entry.lane;
        match std::mem::replace(&mut entry.state, State::InFlight) {
            State::Waiting { mut batch, .. } => {
                *self.waiting_of(lane) -= 1;
                if self.joins && batch.attempts == 0 {
                    self.join(key, lane, &mut batch);
                }
                Some(batch)
            }
            State::InFlight => None,
        }
    }

    /// Adds to a batch that is about to be tried first those behind it, as far as they fit.
    ///
    /// What was sealed early, to have it on disk, travels in full batches this way.
    fn join(&mut self, key: Key, lane: u32, batch: &mut Sealed) {
        let mut joined = Vec::new();
        let (mut bytes, mut items) = (batch.chunk.items_len(), batch.chunk.count());
        let Some(first) = self.entries.get(&key) else {
            return;
        };
        let (is_stored, stays) = (!first.stored.is_empty(), first.stays);
        for (key, entry) in self.entries.range((Bound::Excluded(key), Bound::Unbounded)) {
            if entry.lane != lane {
                continue;
            }
            let State::Waiting {
                batch: next,
                not_before: None,
            } = &entry.state
            else {
                break;
            };
            let size = (next.chunk.items_len(), next.chunk.count());
            if next.attempts > 0
                || entry.is_cut
                || entry.follows(*key, self.spilled_from)
                || entry.stored.is_empty() == is_stored
                || entry.stays != stays
                || !self.limits.fit_together((bytes, items), size)
            {
                break;
            }
            bytes += size.0;
            items += size.1;
            joined.push(*key);
        }
        for other in joined {
            let Some(removed) = self.entries.remove(&other) else {
                continue;
            };
            *self.waiting_of(lane) -= 1;
            if let Some(entry) = self.entries.get_mut(&key) {
                self.barriers.ended(entry.stamp.max(removed.stamp));
                entry.stamp = entry.stamp.min(removed.stamp);
                let before = batch.chunk.count();
                entry.items += removed.items;
                entry.cost += removed.cost;
                entry.stored.extend(removed.stored);
                let fates = removed.fates.into_iter();
                entry.fates.extend(fates.map(|fate| fate.behind(before)));
                if let State::Waiting { batch: next, .. } = removed.state {
                    batch.chunk.extend(&next.chunk, self.limits.bytes);
                }
            }
        }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.get_mut(&key)
    }

    /// A batch that was in flight waits again; gone when it was given up meanwhile.
    pub(super) fn put_back(&mut self, key: Key, batch: Sealed, not_before: Option<Instant>) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.state = State::Waiting { batch, not_before };
            let lane = entry.lane;
            *self.waiting_of(lane) += 1;
        }
    }

    /// Puts two parts in the place of a batch in flight.
    pub(super) fn split(&mut self, key: Key, batch: Sealed) -> Cut {
        let Some(at) = seal::halve(&batch.chunk.ends) else {
            return Cut::Single(Box::new(batch));
        };
        let Some(entry) = self.entries.remove(&key) else {
            return Cut::Gone;
        };
        let width = entry.width / 2;
        if width == 0 {
            // Never: sixty-two halvings leave no two items in any batch.
            self.entries.insert(key, entry);
            return Cut::Single(Box::new(batch));
        }
        self.barriers.doubled(entry.stamp);
        let count = batch.chunk.count();
        // Together what the whole has taken of the budget, which is not asked for more.
        let first_cost = entry.cost / 2;
        for (sub, from, to, cost) in [
            (key.1, 0, at, first_cost),
            (key.1 + width, at, count, entry.cost - first_cost),
        ] {
            let chunk = batch.chunk.slice(from, to);
            let part = Entry {
                lane: entry.lane,
                items: chunk.count(),
                cost,
                fates: entry
                    .fates
                    .iter()
                    .filter_map(|fate| fate.slice(from, to))
                    .collect(),
                stored: Vec::new(),
                stays: entry.stays,
                stamp: entry.stamp,
                tried: true,
                panics: 0,
                first_attempt: entry.first_attempt,
                width,
                is_cut: true,
                state: State::Waiting {
                    batch: Sealed::new(batch.lane, Arc::clone(&batch.lane_name), chunk),
                    not_before: None,
                },
            };
            self.entries.insert((key.0, sub), part);
            *self.waiting_of(entry.lane) += 1;
        }
        Cut::Parts(entry.stored)
    }

    /// Takes a batch out for good.
    pub(super) fn remove(&mut self, key: Key) -> Option<Removed> {
        let entry = self.entries.remove(&key)?;
        if matches!(entry.state, State::Waiting { .. }) {
            *self.waiting_of(entry.lane) -= 1;
        }
        self.barriers.ended(entry.stamp);
        Some(Removed {
            entry,
            reached: self.take_reached(),
        })
    }

    /// The batch that has waited longest, which nobody is delivering.
    pub(super) fn oldest_waiting(&self) -> Option<Key> {
        self.entries
            .iter()
            .find(|(_, entry)| matches!(entry.state, State::Waiting { .. }))
            .map(|(key, _)| *key)
    }

    /// Takes out everything; nothing comes in afterwards.
    pub(super) fn end(&mut self) -> (Vec<Entry>, Vec<Arc<Latch>>) {
        self.is_over = true;
        self.waiting.clear();
        let entries = std::mem::take(&mut self.entries);
        for entry in entries.values() {
            self.barriers.ended(entry.stamp);
        }
        (entries.into_values().collect(), self.take_reached())
    }

    /// Set when nothing is left of what is here now, or has moved to disk for want of room.
    pub(super) fn barrier(&mut self, lanes: &LaneTable) -> Arc<Latch> {
        self.absorb(lanes);
        self.next += 1;
        self.barriers.add(self.next, self.entries.len())
    }

    /// Barriers that have been reached; their latches are to be set, not under the lock.
    pub(super) fn take_reached(&mut self) -> Vec<Arc<Latch>> {
        self.barriers.take_reached()
    }

    /// Lets everything that waits for its next attempt go at once.
    pub(super) fn hurry(&mut self) {
        for entry in self.entries.values_mut() {
            if let State::Waiting { not_before, .. } = &mut entry.state {
                *not_before = None;
            }
        }
    }

    /// How many items there are.
    pub(super) fn items(&self) -> usize {
        let sealed: usize = self.entries.values().map(|entry| entry.items).sum();
        let incoming: usize = self
            .incoming
            .iter()
            .map(|(_, taken)| taken.chunk.count())
            .sum();
        sealed + incoming
    }

    #[cfg(test)]
    pub(super) fn barriers(&self) -> usize {
        self.barriers.count()
    }

    fn waiting_of(&mut self, lane: u32) -> &mut u32 {
        let index = lane as usize;
        if self.waiting.len() <= index {
            self.waiting.resize(index + 1, 0);
        }
        &mut self.waiting[index]
    }
}

/// What the disk is about.
#[cfg(feature = "spool")]
impl Backlog {
    /// Adds a batch that lies on disk: before all that followed it there, where it was moved
    /// there by this process, of which `position` tells, and otherwise behind all others.
    pub(super) fn insert_stored(
        &mut self,
        lanes: &LaneTable,
        index: u32,
        chunk: Chunk,
        stored: Stored,
        position: Option<u64>,
    ) {
        let stamp = match position {
            Some(position) => self.barriers.comes_back(position, self.next),
            None => self.next,
        };
        let place = self.place(true);
        self.enter(
            lanes,
            index,
            chunk,
            (Vec::new(), vec![stored]),
            place,
            stamp,
        );
    }

    /// A batch is about to leave memory; it is on disk.
    pub(super) fn leaves(&mut self, key: Key) {
        let from = self.spilled_from.map_or(key.0, |from| from.min(key.0));
        self.spilled_from = Some(from);
        if let Some(entry) = self.entries.get(&key) {
            for stored in &entry.stored {
                self.barriers.goes_out(entry.stamp, stored.position());
            }
        }
    }

    /// All that left memory has come back.
    pub(super) fn nothing_is_spilled(&mut self) {
        self.spilled_from = None;
        self.returned = 0;
        self.barriers.all_is_back();
    }

    /// Nothing that left memory comes back any more.
    pub(super) fn nothing_comes_back(&mut self) {
        self.stays_out = true;
        self.barriers.stays_out();
    }

    /// Batches that are not on disk, oldest first.
    pub(super) fn unstored(&self) -> Vec<Key> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.stored.is_empty())
            .map(|(key, _)| *key)
            .collect()
    }

    /// The newest of what was on disk only and is in memory again.
    pub(super) fn newest_returned(&self) -> Option<Key> {
        let newest_first = self.entries.iter().rev();
        newest_first
            .into_iter()
            .find(|(_, entry)| entry.stays)
            .map(|(key, _)| *key)
    }

    /// Whether something is here that may leave memory before what was tried has to.
    pub(super) fn has_untried(&self) -> bool {
        let untried = |entry: &Entry| !entry.tried && !entry.stays;
        !self.incoming.is_empty() || self.entries.values().any(untried)
    }

    /// Whether all that is here waits for what is on disk.
    pub(super) fn waits_for_disk(&self) -> bool {
        let waits = |key: &Key, entry: &Entry| {
            matches!(entry.state, State::Waiting { .. }) && entry.follows(*key, self.spilled_from)
        };
        !self.entries.is_empty() && self.entries.iter().all(|(key, entry)| waits(key, entry))
    }

    pub(super) fn has_unstored(&self) -> bool {
        let newest_first = self.entries.values().rev();
        newest_first
            .into_iter()
            .any(|entry| entry.stored.is_empty())
    }

    /// Takes a batch that waits, to be given back with [`put_back`](Self::put_back).
    pub(super) fn lend(&mut self, key: Key) -> Option<(Sealed, Option<Instant>)> {
        let entry = self.entries.get_mut(&key)?;
        let lane = entry.lane;
        match std::mem::replace(&mut entry.state, State::InFlight) {
            State::Waiting { batch, not_before } => {
                *self.waiting_of(lane) -= 1;
                Some((batch, not_before))
            }
            State::InFlight => None,
        }
    }

    /// Batches that need not be in memory, newest first: on disk, waiting, and tried before or
    /// not.
    ///
    /// None that has made the sink panic: how often is remembered here only.
    pub(super) fn evictable(&self, tried: bool) -> Vec<Key> {
        let may_go = |entry: &Entry| {
            let waits = matches!(entry.state, State::Waiting { .. }) && entry.tried == tried;
            let is_plain = !entry.stays && !entry.is_cut && entry.panics == 0;
            waits && !entry.stored.is_empty() && is_plain
        };
        let all = self.entries.iter().rev();
        all.filter(|(_, entry)| may_go(entry))
            .map(|(key, _)| *key)
            .collect()
    }
}

/// When a batch that failed `attempts` times may be tried again, relative to now.
pub(super) fn pause(
    backoff: crate::Backoff,
    attempts: u32,
    wait: Option<Duration>,
    random: u64,
) -> Duration {
    backoff
        .delay(attempts.max(1), random)
        .max(wait.unwrap_or_default())
}
