use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use sls_core::model::Cursor;

use super::assignment::Assignment;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(60);
const NOTHING: [u32; 0] = [];

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn group(order: bool) -> ConsumerGroup {
    ConsumerGroup::new(GroupSettings {
        timeout: TIMEOUT,
        order,
    })
}

/// Open shards without parents.
fn open(ids: std::ops::Range<u32>) -> Vec<ShardFact> {
    let fact = |id| ShardFact {
        id: ShardId(id),
        parents: Vec::new(),
        end: None,
    };
    ids.map(fact).collect()
}

fn set(ids: &[u32]) -> BTreeSet<ShardId> {
    ids.iter().copied().map(ShardId).collect()
}

impl ConsumerGroup {
    /// A heartbeat in plain numbers.
    #[track_caller]
    fn beat(
        &mut self,
        name: &str,
        reported: &[u32],
        shards: &[ShardFact],
        seconds: u64,
    ) -> Vec<u32> {
        let answer = self
            .heartbeat(name, set(reported), shards, at(seconds))
            .unwrap();
        answer.into_iter().map(|id| id.0).collect()
    }

    fn read_to(&mut self, shard: u32, position: u64, shards: &[ShardFact]) {
        let cursor = Cursor::at_position(position);
        let save = Save {
            shard: ShardId(shard),
            checkpoint: cursor.as_str(),
            consumer: None,
            force: true,
        };
        self.save(save, shards, at(0)).unwrap();
    }

    fn save_as(
        &mut self,
        consumer: &str,
        shard: u32,
        shards: &[ShardFact],
    ) -> Result<(), &'static str> {
        let save = Save {
            shard: ShardId(shard),
            checkpoint: "MQ==",
            consumer: Some(consumer),
            force: false,
        };
        let saved = self.save(save, shards, at(0));
        saved.map_err(|refusal| refusal.code)
    }
}

#[test]
fn the_first_consumer_gets_everything() {
    let (mut group, shards) = (group(false), open(0..3));
    assert_eq!(group.beat("a", &[], &shards, 0), [0, 1, 2]);
    assert_eq!(group.beat("a", &[0, 1, 2], &shards, 1), [0, 1, 2]);
}

#[test]
fn a_second_consumer_gets_a_shard_only_after_the_first_let_go() {
    let (mut group, shards) = (group(false), open(0..2));
    group.beat("a", &[], &shards, 0);
    assert_eq!(group.beat("b", &[], &shards, 1), NOTHING);
    let kept = group.beat("a", &[0, 1], &shards, 2);
    assert_eq!(kept.len(), 1);
    // Still working on it, and saying so.
    assert_eq!(group.beat("a", &[0, 1], &shards, 3), kept);
    assert_eq!(group.beat("b", &[], &shards, 4), NOTHING);
    assert_eq!(group.beat("a", &kept, &shards, 5), kept);
    let passed = group.beat("b", &[], &shards, 6);
    assert_eq!(passed.len(), 1);
    assert_ne!(passed, kept);
}

#[test]
fn shards_of_a_silent_consumer_pass_on_after_the_timeout_and_not_before() {
    let (mut group, shards) = (group(false), open(0..2));
    group.beat("a", &[], &shards, 0);
    group.beat("b", &[], &shards, 0);
    assert_eq!(group.beat("b", &[], &shards, 60), NOTHING);
    assert_eq!(group.beat("b", &[], &shards, 61), [0, 1]);
}

#[test]
fn a_consumer_that_is_not_known_must_not_hold_anything() {
    let (mut group, shards) = (group(false), open(0..2));
    let refusal = group
        .heartbeat("ghost", set(&[0]), &shards, at(0))
        .unwrap_err();
    assert_eq!(
        (refusal.status, refusal.code),
        (400, "NotExistConsumerWithBody")
    );
    group.beat("a", &[], &shards, 0);
    // Silent for too long, it is as unknown as a ghost, and starts again with nothing.
    let refusal = group
        .heartbeat("a", set(&[0]), &shards, at(100))
        .unwrap_err();
    assert_eq!(refusal.code, "NotExistConsumerWithBody");
    assert_eq!(group.beat("a", &[], &shards, 101), [0, 1]);
}

#[test]
fn children_wait_for_their_parents_in_a_group_with_order() {
    for order in [true, false] {
        let mut group = group(order);
        let mut shards = open(0..3);
        shards[0].end = Some(10);
        shards[1].parents = vec![ShardId(0)];
        shards[2].parents = vec![ShardId(0)];
        let at_once: &[u32] = if order { &[0] } else { &[0, 1, 2] };
        assert_eq!(group.beat("a", &[], &shards, 0), at_once);
        group.read_to(0, 9, &shards);
        assert_eq!(group.beat("a", at_once, &shards, 1), at_once);
        group.read_to(0, 10, &shards);
        assert_eq!(
            group.beat("a", at_once, &shards, 2),
            [1, 2],
            "order {order}"
        );
        // Set back, it is read again, and with order its children wait once more.
        group.read_to(0, 9, &shards);
        let now: &[u32] = if order { &[0] } else { &[0, 1, 2] };
        assert_eq!(group.beat("a", &[1, 2], &shards, 3), now);
    }
}

#[test]
fn a_recalled_child_is_let_go_before_anybody_has_it_again() {
    let mut group = group(true);
    let mut shards = open(0..2);
    shards[0].end = Some(10);
    shards[1].parents = vec![ShardId(0)];
    group.beat("a", &[], &shards, 0);
    group.read_to(0, 10, &shards);
    assert_eq!(group.beat("a", &[0], &shards, 1), [1]);
    group.read_to(0, 5, &shards);
    assert_eq!(group.beat("a", &[1], &shards, 2), [0]);
    // While it is being let go the parent may be read to its end: nothing has changed then.
    group.read_to(0, 10, &shards);
    assert_eq!(group.beat("a", &[0, 1], &shards, 3), [1]);
    group.read_to(0, 5, &shards);
    assert_eq!(group.beat("a", &[1], &shards, 4), [0]);
    assert_eq!(group.beat("b", &[], &shards, 5), NOTHING);
    assert_eq!(group.beat("a", &[0], &shards, 6), [0]);
    group.read_to(0, 10, &shards);
    assert_eq!(group.beat("b", &[], &shards, 7), NOTHING);
    assert_eq!(group.beat("a", &[0], &shards, 8), [1]);
}

#[test]
fn giving_up_order_releases_who_waits_and_taking_it_up_holds_only_later_ones() {
    let mut group = group(true);
    let mut shards = open(0..2);
    shards[1].parents = vec![ShardId(0)];
    assert_eq!(group.beat("a", &[], &shards, 0), [0]);
    let settings = |order| GroupSettings {
        timeout: TIMEOUT,
        order,
    };
    group.update(settings(false)).unwrap();
    assert_eq!(group.beat("a", &[0], &shards, 1), [0, 1]);
    group.update(settings(true)).unwrap();
    let mut later = open(2..3);
    later[0].parents = vec![ShardId(1)];
    shards.extend(later);
    assert_eq!(group.beat("a", &[0, 1], &shards, 2), [0, 1]);
}

#[test]
fn a_shard_that_is_over_and_set_back_is_not_taken_from_who_still_reports_it() {
    let (mut group, mut shards) = (group(false), open(0..1));
    shards[0].end = Some(10);
    group.beat("a", &[], &shards, 0);
    group.read_to(0, 10, &shards);
    group.beat("a", &[0], &shards, 1);
    group.read_to(0, 5, &shards);
    // It goes to the first in line, but only once it has been let go.
    assert_eq!(group.beat("0", &[], &shards, 2), NOTHING);
    assert_eq!(group.beat("a", &[0], &shards, 3), NOTHING);
    assert_eq!(group.beat("0", &[], &shards, 4), NOTHING);
    assert_eq!(group.beat("a", &[], &shards, 5), NOTHING);
    assert_eq!(group.beat("0", &[], &shards, 6), [0]);
}

#[test]
fn every_shard_has_a_checkpoint_even_if_nothing_was_saved() {
    let (mut group, shards) = (group(false), open(0..2));
    let of = |group: &mut ConsumerGroup| group.checkpoints(&shards, at(0));
    let all = of(&mut group);
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].checkpoint.as_str(), all[0].update_time), ("", 0));
    assert_eq!(all[0].consumer, "");
    group.beat("a", &[], &shards, 0);
    assert_eq!(
        of(&mut group)[1].consumer,
        "",
        "who holds it has saved nothing"
    );
    assert_eq!(group.save_as("a", 1, &shards), Ok(()));
    let saved = &of(&mut group)[1];
    assert_eq!(saved.checkpoint, "MQ==");
    assert_eq!(saved.consumer, "a");
    assert_eq!(saved.update_time, 1_700_000_000_000_000);
}

#[test]
fn only_who_holds_a_shard_saves_without_force() {
    let (mut group, shards) = (group(false), open(0..2));
    group.beat("a", &[], &shards, 0);
    group.beat("b", &[], &shards, 0);
    // One shard is promised to b and still a's.
    for shard in [0, 1] {
        assert_eq!(group.save_as("a", shard, &shards), Ok(()));
        assert_eq!(group.save_as("b", shard, &shards), Err("ConsumerNotMatch"));
    }
    assert_eq!(group.save_as("c", 0, &shards), Err("ConsumerNotExist"));
    assert_eq!(group.save_as("a", 9, &shards), Err("ShardNotExist"));
    let anonymous = Save {
        shard: ShardId(0),
        checkpoint: "MQ==",
        consumer: None,
        force: false,
    };
    let refusal = group.save(anonymous, &shards, at(0)).unwrap_err();
    assert_eq!(refusal.code, "ParameterInvalid");
    let broken = Save {
        checkpoint: "not base64!",
        force: true,
        ..anonymous
    };
    let refusal = group.save(broken, &shards, at(0)).unwrap_err();
    assert_eq!(refusal.code, "InvalidShardCheckPoint");
}

#[test]
fn groups_are_limited_named_and_checked() {
    let mut groups = ConsumerGroups::default();
    let settings = GroupSettings {
        timeout: TIMEOUT,
        order: false,
    };
    for bad in ["", "a b", "a/b", &"x".repeat(129)] {
        assert!(groups.create(bad, settings).is_err(), "{bad}");
    }
    for timeout in [0, 86_401] {
        let timeout = Duration::from_secs(timeout);
        assert!(
            groups
                .create(
                    "g",
                    GroupSettings {
                        timeout,
                        ..settings
                    }
                )
                .is_err()
        );
    }
    groups.create("g", settings).unwrap();
    assert_eq!(
        groups.create("g", settings).unwrap_err().code,
        "ConsumerGroupAlreadyExist"
    );
    for number in 1..MAX_GROUPS {
        groups.create(&format!("g{number}"), settings).unwrap();
    }
    assert_eq!(
        groups.create("more", settings).unwrap_err().code,
        "ExceedQuota"
    );
    groups.delete("g").unwrap();
    assert_eq!(
        groups.delete("g").unwrap_err().code,
        "ConsumerGroupNotExist"
    );
    assert_eq!(groups.get("g").unwrap_err().code, "ConsumerGroupNotExist");
}

/// A consumer as the official clients are: it starts what it is given, goes on reporting
/// what it was told to give up until it really stopped, and gives up everything when it
/// could not reach the server for the timeout.
#[derive(Debug, Default)]
struct Model {
    is_known: bool,
    reads: BTreeSet<ShardId>,
    stopping: BTreeSet<ShardId>,
    last_sent: u64,
}

impl Model {
    fn reported(&self) -> BTreeSet<ShardId> {
        self.reads.union(&self.stopping).copied().collect()
    }

    fn stop_all(&mut self) {
        *self = Self::default();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Beat(usize),
    /// The request arrives, the answer does not.
    LostAnswer(usize),
    Stopped(usize),
    Crash(usize),
    Wait(u64),
    Split(usize),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..4_usize;
    let step = prop_oneof![
        8 => who.clone().prop_map(Step::Beat),
        1 => who.clone().prop_map(Step::LostAnswer),
        4 => who.clone().prop_map(Step::Stopped),
        1 => who.prop_map(Step::Crash),
        4 => (1..50_u64).prop_map(Step::Wait),
        1 => (0..8_usize).prop_map(Step::Split),
        2 => (0..8_usize).prop_map(Step::Read),
    ];
    proptest::collection::vec(step, 1..200)
}

/// A group, its consumers and the shards, played together.
struct Play {
    group: ConsumerGroup,
    consumers: Vec<Model>,
    shards: Vec<ShardFact>,
    now: u64,
}

impl Play {
    fn new(order: bool, shards: u32) -> Self {
        Self {
            group: group(order),
            consumers: (0..4).map(|_| Model::default()).collect(),
            shards: open(0..shards),
            now: 0,
        }
    }

    fn perform(&mut self, step: &Step) {
        match *step {
            Step::Beat(who) => self.beat(who, true),
            Step::LostAnswer(who) => self.beat(who, false),
            Step::Stopped(who) => self.consumers[who].stopping.clear(),
            Step::Crash(who) => self.consumers[who].stop_all(),
            Step::Wait(seconds) => {
                self.now += seconds;
                for consumer in &mut self.consumers {
                    if self.now - consumer.last_sent > TIMEOUT.as_secs() {
                        consumer.stop_all();
                    }
                }
            }
            Step::Split(at) => {
                let place = at % self.shards.len();
                if self.shards[place].end.is_none() && self.shards.len() < 12 {
                    self.shards[place].end = Some(7);
                    let parent = self.shards[place].id;
                    let next = self.shards.len() as u32;
                    let mut children = open(next..next + 2);
                    for child in &mut children {
                        child.parents = vec![parent];
                    }
                    self.shards.extend(children);
                }
            }
            Step::Read(at) => {
                let shard = self.shards[at % self.shards.len()].id.0;
                self.group.read_to(shard, 7, &self.shards.clone());
            }
        }
    }

    fn beat(&mut self, who: usize, arrives: bool) {
        let consumer = &mut self.consumers[who];
        let reported = if consumer.is_known {
            consumer.reported()
        } else {
            BTreeSet::new()
        };
        consumer.last_sent = self.now;
        let name = format!("consumer-{who}");
        let now = at(self.now);
        let answer = self.group.heartbeat(&name, reported, &self.shards, now);
        if answer.is_ok() {
            self.check_balance();
        }
        if !arrives {
            return;
        }
        let consumer = &mut self.consumers[who];
        match answer {
            Ok(answer) => {
                let answer: BTreeSet<_> = answer.into_iter().collect();
                let given_up = consumer.reads.difference(&answer).copied();
                consumer.stopping.extend(given_up.collect::<Vec<_>>());
                // What is stopping is started again only once it has stopped.
                consumer.reads = answer.difference(&consumer.stopping).copied().collect();
                consumer.is_known = true;
            }
            Err(_) => consumer.stop_all(),
        }
    }

    /// Shares of live consumers differ by one at most.
    fn check_balance(&self) {
        let shares = self.group.consumers.keys().map(|name| {
            let owned = |slot: &&Slot| match &slot.assignment {
                Assignment::Held(owner) | Assignment::Leaving { to: owner, .. } => owner == name,
                _ => false,
            };
            self.group.slots.values().filter(owned).count()
        });
        let shares: Vec<_> = shares.collect();
        let spread = shares.iter().max().zip(shares.iter().min());
        assert!(
            spread.is_none_or(|(most, fewest)| most - fewest <= 1),
            "{shares:?}"
        );
    }

    fn check_no_shard_is_read_twice(&self) {
        let mut readers: BTreeMap<ShardId, usize> = BTreeMap::new();
        for (who, consumer) in self.consumers.iter().enumerate() {
            for shard in consumer.reported() {
                if let Some(other) = readers.insert(shard, who) {
                    panic!("shard {shard} is read by {other} and {who}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_shard_is_read_by_two_and_shares_differ_by_one_at_most(
        order: bool,
        shards in 1..6_u32,
        steps in steps(),
    ) {
        let mut play = Play::new(order, shards);
        for step in &steps {
            play.perform(step);
            play.check_no_shard_is_read_twice();
        }
    }

    #[test]
    fn in_the_end_every_shard_that_can_be_read_is_read(
        order: bool,
        shards in 1..6_u32,
        steps in steps(),
    ) {
        let mut play = Play::new(order, shards);
        for step in &steps {
            play.perform(step);
        }
        // From here on two consumers behave, and the others are silent.
        for _ in 0..20 {
            for who in 0..2 {
                play.perform(&Step::Beat(who));
                play.perform(&Step::Stopped(who));
            }
            play.perform(&Step::Wait(20));
        }
        let readable = |slot: &&Slot| !matches!(slot.assignment, Assignment::Over | Assignment::Waiting);
        let expected = play.group.slots.values().filter(readable).count();
        let read: usize = play.consumers[..2].iter().map(|consumer| consumer.reads.len()).sum();
        prop_assert_eq!(read, expected);
    }
}
