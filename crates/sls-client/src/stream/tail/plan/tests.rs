use proptest::prelude::*;
use sls_core::model::{HashKey, ShardStatus};

use super::simulation::{IDLE, LIST_INTERVAL, Mode, Simulation, events};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_tail_from_the_beginning_gives_every_group_once_and_parents_first(events in events()) {
        let mut simulation = Simulation::new(Mode::FollowFromBegin);
        simulation.run(&events);
        simulation.come_to_rest();
    }

    #[test]
    fn a_tail_from_the_end_gives_what_comes_after_it_began(events in events()) {
        let mut simulation = Simulation::new(Mode::FollowFromEnd);
        simulation.run(&events);
        simulation.come_to_rest();
    }

    #[test]
    fn a_tail_until_caught_up_gives_what_was_there_and_ends(events in events()) {
        let mut simulation = Simulation::new(Mode::UntilCaughtUp);
        simulation.run(&events);
        simulation.come_to_rest();
    }

    #[test]
    fn a_tail_up_to_the_end_gives_what_was_there_and_no_more(events in events()) {
        let mut simulation = Simulation::new(Mode::UpToEnd);
        simulation.run(&events);
        simulation.come_to_rest();
    }
}

const NOW: Duration = Duration::from_secs(100);

fn rules(from: impl Into<TailStart>) -> Rules {
    Rules {
        from: from.into(),
        to: None,
        until_caught_up: false,
        max_in_flight: 4,
        max_held_bytes: 1000,
        idle: IDLE,
        list_interval: LIST_INTERVAL,
    }
}

fn shard(id: u32, status: ShardStatus, begin: &str, end: &str) -> Shard {
    Shard {
        id: ShardId(id),
        status,
        begin: begin.parse().unwrap(),
        end: end.parse::<HashKey>().unwrap(),
        create_time: 0,
    }
}

fn at(position: u64) -> Cursor {
    Cursor::at_position(position)
}

fn positions<const N: usize>(shards: [(u32, u64); N]) -> TailStart {
    let cursors = shards.map(|(id, position)| (ShardId(id), at(position)));
    TailStart::Positions(BTreeMap::from(cursors))
}

fn batch(next: u64, bytes: usize) -> Arrived {
    Arrived {
        next: at(next),
        bytes,
        is_caught_up: false,
    }
}

fn no_news(next: u64) -> Arrived {
    Arrived {
        is_caught_up: true,
        ..batch(next, 0)
    }
}

fn pull(id: u32, position: u64) -> Task {
    Task::Pull {
        shard: ShardId(id),
        cursor: at(position),
        end: None,
    }
}

/// A plan to which the shards have been listed.
fn listed(rules: Rules, shards: &[Shard]) -> Plan {
    let mut plan = Plan::new(rules);
    assert_eq!(plan.next_task(NOW), Some(Task::List));
    assert_eq!(plan.next_task(NOW), None, "nothing is known yet");
    plan.listed(NOW, shards.to_vec());
    plan
}

use ShardStatus::{ReadOnly, ReadWrite};

#[test]
fn shards_take_turns() {
    let shards = [
        shard(0, ReadWrite, "00", "80"),
        shard(1, ReadWrite, "80", "ff"),
    ];
    let from = positions([(0, 1), (1, 1)]);
    let rules = Rules {
        max_in_flight: 1,
        ..rules(from)
    };
    let mut plan = listed(rules, &shards);
    for round in 1..4 {
        for id in [0, 1] {
            assert_eq!(plan.next_task(NOW), Some(pull(id, round)));
            assert!(plan.pulled(NOW, ShardId(id), batch(round + 1, 10)));
            plan.given(NOW, ShardId(id));
        }
    }
}

#[test]
fn nothing_is_pulled_beyond_the_bytes_that_may_be_held() {
    let shards = [
        shard(0, ReadWrite, "00", "80"),
        shard(1, ReadWrite, "80", "ff"),
    ];
    let mut plan = listed(rules(positions([(0, 1), (1, 1)])), &shards);
    assert_eq!(plan.next_task(NOW), Some(pull(0, 1)));
    assert!(plan.pulled(NOW, ShardId(0), batch(2, 1000)));
    assert_eq!(plan.next_task(NOW), None);
    plan.given(NOW, ShardId(0));
    assert_eq!(plan.next_task(NOW), Some(pull(1, 1)));
}

#[test]
fn every_end_is_looked_up_before_anything_is_pulled() {
    let shards = [
        shard(0, ReadOnly, "00", "ff"),
        shard(1, ReadWrite, "00", "ff"),
    ];
    let mut plan = listed(rules(CursorPosition::End), &shards);
    let fix = |id| Task::Fix {
        shard: ShardId(id),
        edge: Edge::Start,
        position: CursorPosition::End,
    };
    assert_eq!(plan.next_task(NOW), Some(fix(0)));
    assert_eq!(
        plan.next_task(NOW),
        Some(fix(1)),
        "also of what has to wait"
    );
    plan.fixed(NOW, ShardId(0), Edge::Start, at(7));
    assert_eq!(plan.next_task(NOW), None);
    assert_eq!(plan.positions(), None, "one is missing");
    plan.fixed(NOW, ShardId(1), Edge::Start, at(9));
    let want = BTreeMap::from([(ShardId(0), at(7)), (ShardId(1), at(9))]);
    assert_eq!(plan.positions(), Some(want));
    assert_eq!(plan.next_task(NOW), Some(pull(0, 7)));
    assert_eq!(plan.next_task(NOW), None, "the child waits for its parent");
    assert!(!plan.pulled(NOW, ShardId(0), no_news(7)));
    assert_eq!(plan.next_task(NOW), Some(pull(1, 9)));
}

#[test]
fn a_shard_that_was_asked_before_it_was_closed_is_asked_again() {
    let open = shard(0, ReadWrite, "00", "ff");
    let mut plan = listed(rules(positions([(0, 1)])), &[open]);
    assert_eq!(plan.next_task(NOW), Some(pull(0, 1)));
    let later = NOW + LIST_INTERVAL;
    assert_eq!(plan.next_task(later), Some(Task::List));
    let children = [
        shard(0, ReadOnly, "00", "ff"),
        shard(1, ReadWrite, "00", "ff"),
    ];
    plan.listed(later, children.to_vec());
    // Something may have been written between this answer and the end.
    assert!(!plan.pulled(later, ShardId(0), no_news(1)));
    assert_eq!(plan.next_task(later), Some(pull(0, 1)));
    assert!(!plan.pulled(later, ShardId(0), no_news(1)));
    let child = plan.next_task(later);
    assert!(
        matches!(
            child,
            Some(Task::Fix {
                shard: ShardId(1),
                ..
            })
        ),
        "{child:?}"
    );
    assert_eq!(
        plan.wakes_at(),
        Some(later + IDLE),
        "a list, sooner than usual"
    );
}

#[test]
fn a_failure_holds_up_its_shard_alone_and_longer_every_time() {
    let shards = [
        shard(0, ReadWrite, "00", "80"),
        shard(1, ReadWrite, "80", "ff"),
    ];
    let rules = Rules {
        list_interval: Duration::from_secs(1000),
        ..rules(positions([(0, 1), (1, 1)]))
    };
    let mut plan = listed(rules, &shards);
    assert_eq!(plan.next_task(NOW), Some(pull(0, 1)));
    assert_eq!(plan.next_task(NOW), Some(pull(1, 1)));
    let mut now = NOW;
    for pause in [1, 2, 4, 8, 16, 32, 32] {
        assert!(plan.failed(now, ShardId(0), Failure::Other));
        assert_eq!(plan.next_task(now), None);
        assert_eq!(plan.wakes_at(), Some(now + IDLE * pause));
        now += IDLE * pause;
        assert_eq!(plan.next_task(now), Some(pull(0, 1)), "at the same place");
    }
    assert!(plan.pulled(now, ShardId(1), batch(2, 1)));
}

#[test]
fn a_call_that_was_left_alone_is_repeated_once_without_a_word() {
    let open = shard(0, ReadWrite, "00", "ff");
    let mut plan = listed(rules(positions([(0, 1)])), &[open]);
    assert_eq!(plan.next_task(NOW), Some(pull(0, 1)));
    assert!(!plan.failed(NOW, ShardId(0), Failure::LeftAlone));
    assert_eq!(plan.next_task(NOW), Some(pull(0, 1)));
    assert!(plan.failed(NOW, ShardId(0), Failure::LeftAlone));

    let mut plan = Plan::new(rules(CursorPosition::Begin));
    assert_eq!(plan.next_task(NOW), Some(Task::List));
    assert!(!plan.not_listed(NOW, Failure::LeftAlone));
    assert_eq!(plan.next_task(NOW), Some(Task::List));
    assert!(plan.not_listed(NOW, Failure::LeftAlone));
}

#[test]
fn a_shard_that_is_gone_no_longer_holds_up_its_children() {
    let shards = [
        shard(0, ReadOnly, "00", "ff"),
        shard(1, ReadWrite, "00", "ff"),
    ];
    let mut plan = listed(rules(positions([(0, 1), (1, 1)])), &shards);
    assert_eq!(plan.next_task(NOW), Some(pull(0, 1)));
    assert!(plan.failed(NOW, ShardId(0), Failure::Gone));
    assert_eq!(plan.next_task(NOW), Some(pull(1, 1)));

    let later = NOW + LIST_INTERVAL;
    assert_eq!(plan.next_task(later), Some(Task::List));
    plan.listed(later, vec![shards[1].clone()]);
    let want = BTreeMap::from([(ShardId(1), at(1))]);
    assert_eq!(plan.positions(), Some(want));
    // A list that is late brings nothing back.
    assert_eq!(plan.next_task(later + LIST_INTERVAL), Some(Task::List));
    plan.listed(later + LIST_INTERVAL, shards.to_vec());
    assert_eq!(plan.next_task(later + LIST_INTERVAL), None);
}

#[test]
fn before_anything_is_known_the_positions_are_where_it_was_told_to_start() {
    let begin = Plan::new(rules(CursorPosition::Begin));
    assert_eq!(begin.positions(), Some(BTreeMap::new()));
    let end = Plan::new(rules(CursorPosition::End));
    assert_eq!(end.positions(), None);
    let saved = Plan::new(rules(positions([(3, 4)])));
    assert_eq!(
        saved.positions(),
        Some(BTreeMap::from([(ShardId(3), at(4))]))
    );
}

#[test]
fn between_two_saved_positions_nothing_else_is_read() {
    let shards = [
        shard(0, ReadWrite, "00", "80"),
        shard(1, ReadWrite, "80", "ff"),
        shard(2, ReadWrite, "00", "80"),
    ];
    let rules = Rules {
        to: Some(positions([(0, 3), (1, 5)])),
        ..rules(positions([(0, 1), (1, 5)]))
    };
    let mut plan = listed(rules, &shards);
    let task = plan.next_task(NOW);
    assert!(
        matches!(&task, Some(Task::Pull { shard: ShardId(0), end, .. }) if *end == Some(at(3))),
        "{task:?}"
    );
    assert_eq!(plan.next_task(NOW), None);
    assert!(plan.pulled(NOW, ShardId(0), batch(3, 1)));
    assert!(!plan.is_over(), "the batch has not been given");
    plan.given(NOW, ShardId(0));
    assert!(plan.is_over());
    assert_eq!(plan.next_task(NOW + LIST_INTERVAL), None, "no list either");
}
