//! A logstore that is written, split and merged, and a reader that asks, is answered, fails and
//! starts again, all in an order that a test chooses; and the promises, checked at every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use sls_core::model::{Cursor, CursorPosition, HashKey, Shard, ShardId, ShardStatus};

use super::{Arrived, Edge, Failure, Plan, Rules, Task};
use crate::stream::tail::TailStart;

/// The first position of every shard.
const BASE: u64 = 1000;
/// Groups in one batch at most.
const BATCH: usize = 3;
const GROUP_BYTES: usize = 10;
const MAX_IN_FLIGHT: usize = 3;
const MAX_HELD_BYTES: usize = 25;
pub(super) const IDLE: Duration = Duration::from_millis(100);
pub(super) const LIST_INTERVAL: Duration = Duration::from_secs(1);

/// One thing that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Write {
        key: u8,
    },
    Split {
        which: usize,
    },
    Merge {
        which: usize,
    },
    Ask,
    /// The service answers; the answer is still on its way.
    Serve {
        which: usize,
    },
    Arrive {
        which: usize,
    },
    Fail {
        which: usize,
        failure: Failure,
    },
    Give,
    Pass {
        millis: u64,
    },
    /// The program ends, and another one starts from the positions.
    Resume,
}

pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    let which = || any::<usize>();
    let failure = prop_oneof![Just(Failure::LeftAlone), Just(Failure::Other)];
    let event = prop_oneof![
        6 => any::<u8>().prop_map(|key| Event::Write { key }),
        1 => which().prop_map(|which| Event::Split { which }),
        1 => which().prop_map(|which| Event::Merge { which }),
        6 => Just(Event::Ask),
        6 => which().prop_map(|which| Event::Serve { which }),
        6 => which().prop_map(|which| Event::Arrive { which }),
        1 => (which(), failure).prop_map(|(which, failure)| Event::Fail { which, failure }),
        5 => Just(Event::Give),
        3 => (0..1500u64).prop_map(|millis| Event::Pass { millis }),
        1 => Just(Event::Resume),
    ];
    proptest::collection::vec(event, 0..300)
}

/// What a test reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    FollowFromBegin,
    FollowFromEnd,
    UntilCaughtUp,
    UpToEnd,
}

/// A log group: the how manyth it is, and its key.
type Group = (usize, u8);

struct SimShard {
    shard: Shard,
    ancestors: BTreeSet<ShardId>,
    groups: Vec<Group>,
}

enum Answer {
    Shards(Vec<Shard>),
    Cursor(ShardId, Edge, Cursor),
    Batch(ShardId, Vec<Group>, Arrived),
}

pub(super) struct Simulation {
    mode: Mode,
    plan: Plan,
    now: Duration,
    shards: Vec<SimShard>,
    written: usize,
    asked: Vec<Task>,
    served: Vec<Answer>,
    arrived: VecDeque<(ShardId, Vec<Group>)>,
    given: BTreeSet<usize>,
    /// The last group of each key that was given.
    last_of_key: BTreeMap<u8, usize>,
    /// How many groups there were when the shards were first listed.
    written_at_list: Option<usize>,
    /// How many groups there were when the first pull was asked for.
    written_at_pull: Option<usize>,
    given_by_this_plan: usize,
}

impl Simulation {
    pub(super) fn new(mode: Mode) -> Self {
        let mut simulation = Self {
            mode,
            plan: Plan::new(rules(mode, first_start(mode))),
            now: Duration::ZERO,
            shards: Vec::new(),
            written: 0,
            asked: Vec::new(),
            served: Vec::new(),
            arrived: VecDeque::new(),
            given: BTreeSet::new(),
            last_of_key: BTreeMap::new(),
            written_at_list: None,
            written_at_pull: None,
            given_by_this_plan: 0,
        };
        let middle = HashKey(1 << 127);
        simulation.open((HashKey::MIN, middle), BTreeSet::new());
        simulation.open((middle, HashKey::MAX), BTreeSet::new());
        simulation
    }

    pub(super) fn run(&mut self, events: &[Event]) {
        for event in events {
            self.step(event);
        }
    }

    /// Lets everything happen until nothing is left to happen, and checks that all came.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..10_000 {
            self.step(&Event::Ask);
            if self.is_all_given() {
                self.check_result();
                return;
            }
            if !self.asked.is_empty() {
                self.step(&Event::Serve { which: 0 });
            } else if !self.served.is_empty() {
                self.step(&Event::Arrive { which: 0 });
            } else if !self.arrived.is_empty() {
                self.step(&Event::Give);
            } else if !self.is_all_given() {
                let wake = self.plan.wakes_at().expect("it neither ends nor goes on");
                assert!(wake > self.now, "there was a task to ask for at once");
                self.now = wake;
            }
        }
        panic!("it came to no end: {:?}", self.plan);
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Write { key } => self.write(*key),
            Event::Split { which } => self.split(*which),
            Event::Merge { which } => self.merge(*which),
            Event::Ask => {
                if let Some(task) = self.plan.next_task(self.now) {
                    self.check_task(&task);
                    self.asked.push(task);
                }
            }
            Event::Serve { which } => {
                if let Some(task) = choose(&mut self.asked, *which) {
                    let answer = self.serve(task);
                    self.served.push(answer);
                }
            }
            Event::Arrive { which } => {
                if let Some(answer) = choose(&mut self.served, *which) {
                    self.arrive(answer);
                }
            }
            Event::Fail { which, failure } => {
                if let Some(task) = choose(&mut self.asked, *which) {
                    self.fail(&task, *failure);
                }
            }
            Event::Give => self.give(),
            Event::Pass { millis } => self.now += Duration::from_millis(*millis),
            Event::Resume => self.resume(),
        }
    }

    // The logstore.

    fn open(&mut self, (begin, end): (HashKey, HashKey), ancestors: BTreeSet<ShardId>) {
        let id = ShardId(self.shards.len() as u32);
        self.shards.push(SimShard {
            shard: Shard {
                id,
                status: ShardStatus::ReadWrite,
                begin,
                end,
                create_time: self.now.as_secs(),
            },
            ancestors,
            groups: Vec::new(),
        });
    }

    fn writable(&self) -> Vec<usize> {
        let takes_writes =
            |&index: &usize| self.shards[index].shard.status != ShardStatus::ReadOnly;
        (0..self.shards.len()).filter(takes_writes).collect()
    }

    /// Closes a shard; gives it and its ancestors, which are those of its children.
    fn close(&mut self, index: usize) -> BTreeSet<ShardId> {
        let closed = &mut self.shards[index];
        closed.shard.status = ShardStatus::ReadOnly;
        let mut line = closed.ancestors.clone();
        line.insert(closed.shard.id);
        line
    }

    fn write(&mut self, key: u8) {
        let hash = hash_of(key);
        let found = self.writable().into_iter();
        let mut found = found.filter(|&index| self.shards[index].shard.takes(hash));
        let index = found.next().expect("the shards cover all keys");
        self.shards[index].groups.push((self.written, key));
        self.written += 1;
    }

    fn split(&mut self, which: usize) {
        let writable = self.writable();
        let index = writable[which % writable.len()];
        let Shard { begin, end, .. } = self.shards[index].shard;
        let middle = HashKey(begin.0 + (end.0 - begin.0) / 2);
        let line = self.close(index);
        self.open((begin, middle), line.clone());
        self.open((middle, end), line);
    }

    fn merge(&mut self, which: usize) {
        let writable = self.writable();
        let left = writable[which % writable.len()];
        let Shard { begin, end, .. } = self.shards[left].shard;
        let mut neighbours = writable.into_iter();
        if let Some(right) = neighbours.find(|&right| self.shards[right].shard.begin == end) {
            let mut line = self.close(left);
            line.extend(self.close(right));
            self.open((begin, self.shards[right].shard.end), line);
        }
    }

    fn serve(&mut self, task: Task) -> Answer {
        match task {
            Task::List => {
                self.written_at_list.get_or_insert(self.written);
                // The order of a list is not guaranteed.
                Answer::Shards(
                    self.shards
                        .iter()
                        .rev()
                        .map(|it| it.shard.clone())
                        .collect(),
                )
            }
            Task::Fix {
                shard,
                edge,
                position,
            } => {
                let groups = &self.shards[shard.0 as usize].groups;
                let index = match position {
                    CursorPosition::Begin => 0,
                    CursorPosition::End => groups.len() as u64,
                    CursorPosition::At(_) => unreachable!("no test reads from a time"),
                };
                Answer::Cursor(shard, edge, Cursor::at_position(BASE + index))
            }
            Task::Pull { shard, cursor, end } => {
                let groups = &self.shards[shard.0 as usize].groups;
                let index = |cursor: &Cursor| (cursor.position().unwrap() - BASE) as usize;
                let first = index(&cursor);
                let last = end.as_ref().map_or(groups.len(), index);
                let batch = groups[first..last.min(groups.len()).min(first + BATCH)].to_vec();
                let arrived = Arrived {
                    next: Cursor::at_position(BASE + (first + batch.len()) as u64),
                    bytes: GROUP_BYTES * batch.len(),
                    is_caught_up: batch.is_empty(),
                };
                Answer::Batch(shard, batch, arrived)
            }
        }
    }

    // The reader.

    fn arrive(&mut self, answer: Answer) {
        match answer {
            Answer::Shards(shards) => self.plan.listed(self.now, shards),
            Answer::Cursor(shard, edge, cursor) => {
                self.plan.fixed(self.now, shard, edge, cursor);
            }
            Answer::Batch(shard, groups, arrived) => {
                let is_empty = arrived.is_caught_up;
                assert_eq!(self.plan.pulled(self.now, shard, arrived), !is_empty);
                if !is_empty {
                    self.arrived.push_back((shard, groups));
                }
            }
        }
    }

    fn fail(&mut self, task: &Task, failure: Failure) {
        match task {
            Task::List => drop(self.plan.not_listed(self.now, failure)),
            Task::Fix { shard, .. } | Task::Pull { shard, .. } => {
                self.plan.failed(self.now, *shard, failure);
            }
        }
    }

    fn give(&mut self) {
        let Some((shard, groups)) = self.arrived.pop_front() else {
            return;
        };
        let this = &self.shards[shard.0 as usize];
        for ancestor in &this.ancestors {
            let ancestor_groups = &self.shards[ancestor.0 as usize].groups;
            // Two that were merged and split again at the same place have no key in common.
            let shared = |key: &u8| this.shard.takes(hash_of(*key));
            for (number, _) in ancestor_groups.iter().filter(|(_, key)| shared(key)) {
                assert!(
                    self.given.contains(number) || self.is_before_start(*number),
                    "shard {shard} was read before its ancestor {ancestor} had been"
                );
            }
        }
        for (number, key) in groups {
            assert!(self.given.insert(number), "group {number} came twice");
            let last = self.last_of_key.insert(key, number);
            assert!(last < Some(number), "key {key} is out of order");
        }
        self.given_by_this_plan += 1;
        self.plan.given(self.now, shard);
    }

    fn resume(&mut self) {
        let follows = matches!(self.mode, Mode::FollowFromBegin | Mode::FollowFromEnd);
        let positions = self.plan.positions();
        assert!(positions.is_some() || self.given_by_this_plan == 0);
        if let (true, Some(positions)) = (follows, positions) {
            self.plan = Plan::new(rules(self.mode, positions.into()));
            self.asked.clear();
            self.served.clear();
            self.arrived.clear();
            self.given_by_this_plan = 0;
        }
    }

    // The promises.

    fn check_task(&mut self, task: &Task) {
        assert!(self.asked.len() + self.served.len() < MAX_IN_FLIGHT);
        let is_under_way = |other: &Task| match (task, other) {
            (Task::List, Task::List) => true,
            (
                Task::Fix { shard, .. } | Task::Pull { shard, .. },
                Task::Fix { shard: other, .. } | Task::Pull { shard: other, .. },
            ) => shard == other,
            _ => false,
        };
        assert!(!self.asked.iter().any(is_under_way), "{task:?} twice");
        if let Task::Pull { shard, .. } = task {
            let held: usize = self.arrived.iter().map(|(_, groups)| groups.len()).sum();
            assert!(held * GROUP_BYTES < MAX_HELD_BYTES, "too much is held");
            let is_held = self.arrived.iter().any(|(held, _)| held == shard);
            assert!(!is_held, "shard {shard} is read ahead by two batches");
            self.written_at_pull.get_or_insert(self.written);
        }
    }

    /// Whether a group may lie before the start. Between the first list and the first pull the
    /// end of every shard is looked up, so either may be true then.
    fn is_before_start(&self, number: usize) -> bool {
        let start = self.written_at_pull.unwrap_or(self.written);
        self.mode == Mode::FollowFromEnd && number < start
    }

    fn is_all_given(&self) -> bool {
        match self.mode {
            Mode::FollowFromBegin => self.given.len() == self.written,
            Mode::FollowFromEnd => {
                let start = self.written_at_pull;
                start.is_some_and(|start| (start..self.written).all(|n| self.given.contains(&n)))
            }
            Mode::UntilCaughtUp | Mode::UpToEnd => self.plan.is_over(),
        }
    }

    fn check_result(&self) {
        let at_list = self.written_at_list.unwrap_or(0);
        match self.mode {
            Mode::FollowFromBegin => {}
            Mode::FollowFromEnd => {
                let early = self.given.iter().find(|number| **number < at_list);
                assert_eq!(early, None, "it lies before the start");
            }
            Mode::UntilCaughtUp | Mode::UpToEnd => {
                let missing = (0..at_list).find(|number| !self.given.contains(number));
                assert_eq!(missing, None, "it was there when reading began");
            }
        }
        if self.mode == Mode::UpToEnd {
            let end = self.written_at_pull.unwrap_or(self.written);
            let late = self.given.iter().find(|number| **number >= end);
            assert_eq!(late, None, "it lies behind the end");
        }
    }
}

fn first_start(mode: Mode) -> TailStart {
    match mode {
        Mode::FollowFromEnd => CursorPosition::End.into(),
        _ => CursorPosition::Begin.into(),
    }
}

fn rules(mode: Mode, from: TailStart) -> Rules {
    Rules {
        from,
        to: (mode == Mode::UpToEnd).then(|| CursorPosition::End.into()),
        until_caught_up: mode == Mode::UntilCaughtUp,
        max_in_flight: MAX_IN_FLIGHT,
        max_held_bytes: MAX_HELD_BYTES,
        idle: IDLE,
        list_interval: LIST_INTERVAL,
    }
}

fn hash_of(key: u8) -> HashKey {
    HashKey(u128::from(key) << 120)
}

fn choose<T>(from: &mut Vec<T>, which: usize) -> Option<T> {
    let len = from.len();
    (len > 0).then(|| from.swap_remove(which % len))
}
