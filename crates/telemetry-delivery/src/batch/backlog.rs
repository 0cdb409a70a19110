//! Everything sealed and not yet done with. Decides what goes next; does nothing itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::chunk::Chunk;
use super::lane::{Lane, LaneState, LaneTable};
use super::pace::Leave;
use super::receipt::FatePart;
use super::seal;
use super::shard::Taken;
use super::signal::Latch;
use crate::sink::Sealed;

/// Where a batch stands in the order of sealing; the second number orders the parts of a batch
/// that was cut.
pub(super) type Key = (u64, u64);

/// The parts of a batch share these numbers.
const WHOLE: u64 = 1 << 62;

#[derive(Debug)]
pub(super) struct Backlog {
    owner: u32,
    /// Sealed by callers and not looked at yet.
    incoming: VecDeque<(u32, Taken)>,
    entries: BTreeMap<Key, Entry>,
    /// How many batches of each lane wait.
    waiting: Vec<u32>,
    next: u64,
    barriers: Vec<(u64, Arc<Latch>)>,
    /// By lane: the last pick that could start nothing more of it.
    held: Vec<u64>,
    picks: u64,
    /// Whether the worker could start a batch if there was one: worth waking it.
    pub(super) wanted: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) lane: u32,
    pub(super) items: usize,
    pub(super) cost: usize,
    pub(super) fates: Vec<FatePart>,
    pub(super) panics: u32,
    pub(super) first_attempt: Option<Instant>,
    /// How many of the part numbers are this batch's.
    width: u64,
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

/// What left the backlog for good.
#[derive(Debug)]
pub(super) struct Removed {
    pub(super) entry: Entry,
    /// Nothing before these is left.
    pub(super) reached: Vec<Arc<Latch>>,
}

impl Entry {
    /// The batch, unless it is in flight.
    pub(super) fn into_batch(self) -> (Vec<FatePart>, Option<Sealed>) {
        match self.state {
            State::Waiting { batch, .. } => (self.fates, Some(batch)),
            State::InFlight => (self.fates, None),
        }
    }
}

impl Backlog {
    pub(super) fn new(owner: u32) -> Self {
        Self {
            owner,
            // Callers put batches here, and are not to allocate.
            incoming: VecDeque::with_capacity(64),
            entries: BTreeMap::new(),
            waiting: Vec::new(),
            next: 0,
            barriers: Vec::new(),
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
        let Some(lane) = lanes.get(index) else { return };
        let id = Lane {
            owner: self.owner,
            index,
        };
        let key = (self.next, 0);
        self.next += 1;
        *self.waiting_of(index) += 1;
        let entry = Entry {
            lane: index,
            items: chunk.count(),
            cost: chunk.cost(),
            fates,
            panics: 0,
            first_attempt: None,
            width: WHOLE,
            state: State::Waiting {
                batch: Sealed::new(id, Arc::clone(lane.name()), chunk),
                not_before: None,
            },
        };
        self.entries.insert(key, entry);
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
            if lanes.get(entry.lane).is_some_and(LaneState::is_ordered) {
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
        let lane = entry.lane;
        match std::mem::replace(&mut entry.state, State::InFlight) {
            State::Waiting { batch, .. } => {
                *self.waiting_of(lane) -= 1;
                Some(batch)
            }
            State::InFlight => None,
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

    /// Puts two parts in the place of a batch in flight; the batch comes back when it is a single
    /// item.
    pub(super) fn split(&mut self, key: Key, batch: Sealed) -> Option<Sealed> {
        let Some(at) = seal::halve(&batch.chunk.ends) else {
            return Some(batch);
        };
        let Some(entry) = self.entries.remove(&key) else {
            // Given up meanwhile.
            return None;
        };
        let width = entry.width / 2;
        if width == 0 {
            // Never: sixty-two halvings leave no two items in any batch.
            self.entries.insert(key, entry);
            return Some(batch);
        }
        let count = batch.chunk.count();
        for (sub, from, to) in [(key.1, 0, at), (key.1 + width, at, count)] {
            let chunk = batch.chunk.slice(from, to);
            let part = Entry {
                lane: entry.lane,
                items: chunk.count(),
                cost: chunk.cost(),
                fates: entry
                    .fates
                    .iter()
                    .filter_map(|fate| fate.slice(from, to))
                    .collect(),
                panics: 0,
                first_attempt: entry.first_attempt,
                width,
                state: State::Waiting {
                    batch: Sealed::new(batch.lane, Arc::clone(&batch.lane_name), chunk),
                    not_before: None,
                },
            };
            self.entries.insert((key.0, sub), part);
            *self.waiting_of(entry.lane) += 1;
        }
        None
    }

    /// Takes a batch out for good.
    pub(super) fn remove(&mut self, key: Key) -> Option<Removed> {
        let entry = self.entries.remove(&key)?;
        if matches!(entry.state, State::Waiting { .. }) {
            *self.waiting_of(entry.lane) -= 1;
        }
        Some(Removed {
            entry,
            reached: self.reached(),
        })
    }

    /// The batch that has waited longest, which nobody is delivering.
    pub(super) fn oldest_waiting(&self) -> Option<Key> {
        self.entries
            .iter()
            .find(|(_, entry)| matches!(entry.state, State::Waiting { .. }))
            .map(|(key, _)| *key)
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.entries.keys().copied().collect()
    }

    /// Set when nothing is left of what is here now.
    pub(super) fn barrier(&mut self, lanes: &LaneTable) -> Arc<Latch> {
        self.absorb(lanes);
        let latch = Arc::new(Latch::default());
        if self.entries.is_empty() {
            latch.set();
        } else {
            self.barriers.push((self.next, Arc::clone(&latch)));
        }
        latch
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

    fn reached(&mut self) -> Vec<Arc<Latch>> {
        let first = self.entries.keys().next().map(|key| key.0);
        let mut reached = Vec::new();
        self.barriers.retain(|(upto, latch)| {
            let open = first.is_some_and(|first| first < *upto);
            if !open {
                reached.push(Arc::clone(latch));
            }
            open
        });
        reached
    }

    fn waiting_of(&mut self, lane: u32) -> &mut u32 {
        let index = lane as usize;
        if self.waiting.len() <= index {
            self.waiting.resize(index + 1, 0);
        }
        &mut self.waiting[index]
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
