use super::*;

const RULES: LeaseRules = LeaseRules {
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(30),
    margin: Duration::from_secs(3),
    settle: Duration::from_secs(10),
};

fn at(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

fn ids(shards: &[u32]) -> Vec<ShardId> {
    shards.iter().copied().map(ShardId).collect()
}

fn orders(lease: &mut Lease, now: Moment) -> Vec<Order> {
    std::iter::from_fn(|| lease.next(now)).collect()
}

/// Sends the heartbeat that is due and gives what it lists.
#[track_caller]
fn beat(lease: &mut Lease, now: Moment) -> Vec<ShardId> {
    match orders(lease, now).pop() {
        Some(Order::Beat(held)) => held,
        other => panic!("no heartbeat at {now:?} but {other:?}"),
    }
}

/// A consumer that joined at 0 and holds these shards.
fn holding(shards: &[u32]) -> Lease {
    let mut lease = Lease::new(RULES);
    assert_eq!(beat(&mut lease, at(0)), []);
    lease.answered(at(0), &ids(shards));
    let started: Vec<_> = shards
        .iter()
        .map(|id| Order::Start(ShardId(*id), 1))
        .collect();
    assert_eq!(orders(&mut lease, at(0)), started);
    lease
}

#[test]
fn the_lease_is_counted_from_the_sending_of_what_was_answered() {
    let mut lease = holding(&[1]);
    assert_eq!(lease.grant().unwrap().until, at(27));
    assert_eq!(beat(&mut lease, at(5)), ids(&[1]));
    lease.answered(at(9), &ids(&[1]));
    assert_eq!(lease.grant().unwrap().until, at(32));
    // No further answer: at its end everything is given up.
    assert_eq!(beat(&mut lease, at(10)), ids(&[1]));
    lease.failed(at(14), Silence::NoAnswer);
    assert!(
        orders(&mut lease, at(31))
            .iter()
            .all(|order| *order != Order::Lost)
    );
    assert_eq!(orders(&mut lease, at(32)), [Order::Lost]);
    assert_eq!(lease.grant(), None);
}

#[test]
fn an_answer_after_the_end_begins_a_new_lease_and_revives_no_task() {
    let mut lease = holding(&[1, 2]);
    for second in [5, 10, 15, 20, 25] {
        beat(&mut lease, at(second));
        if second < 25 {
            lease.failed(at(second), Silence::Refused);
        }
    }
    // The answer came in time by itself, but too late for the lease before.
    lease.answered(at(28), &ids(&[1, 2]));
    assert_eq!(
        lease.grant(),
        Some(Grant {
            epoch: 2,
            until: at(52)
        })
    );
    assert_eq!(
        orders(&mut lease, at(28)),
        [],
        "the old tasks have not stopped yet"
    );
    lease.stopped(at(29), ShardId(1));
    assert_eq!(orders(&mut lease, at(29))[0], Order::Start(ShardId(1), 2));
}

#[test]
fn a_shard_that_is_taken_away_is_reported_until_its_task_has_stopped() {
    let mut lease = holding(&[0, 1]);
    assert_eq!(beat(&mut lease, at(5)), ids(&[0, 1]));
    lease.answered(at(5), &ids(&[0]));
    assert_eq!(orders(&mut lease, at(5)), [Order::Drain(ShardId(1))]);
    assert_eq!(beat(&mut lease, at(10)), ids(&[0, 1]));
    lease.answered(at(10), &ids(&[0]));
    lease.stopped(at(12), ShardId(1));
    // At once, since others wait for it.
    assert_eq!(beat(&mut lease, at(12)), ids(&[0]));
}

#[test]
fn a_consumer_that_is_not_known_drops_everything_and_joins_with_an_empty_list() {
    let mut lease = holding(&[0, 1]);
    beat(&mut lease, at(5));
    lease.failed(at(5), Silence::Unknown);
    assert_eq!(lease.grant(), None);
    assert_eq!(
        beat(&mut lease, at(6)),
        [],
        "although the tasks are still about to stop"
    );
    lease.answered(at(6), &ids(&[0]));
    assert_eq!(orders(&mut lease, at(6)), []);
    lease.stopped(at(6), ShardId(0));
    assert_eq!(orders(&mut lease, at(6)), [Order::Start(ShardId(0), 2)]);
}

#[test]
fn retries_fit_into_the_interval() {
    let mut lease = holding(&[0]);
    let mut now = at(5);
    let mut sent = Vec::new();
    for _ in 0..5 {
        beat(&mut lease, now);
        sent.push(now.as_millis());
        lease.failed(now, Silence::Refused);
        now = lease.wakes_at().unwrap();
    }
    assert_eq!(sent, [5000, 5500, 6500, 8500, 12500]);
}

/// When heartbeats are sent if each is answered at once, up to a time.
fn sent_until(lease: &mut Lease, end: Moment, given: impl Fn(Moment) -> Vec<ShardId>) -> Vec<f64> {
    let mut sent = Vec::new();
    let mut now = lease.wakes_at().unwrap();
    while now < end {
        if orders(lease, now)
            .iter()
            .any(|order| matches!(order, Order::Beat(_)))
        {
            sent.push(now.as_secs_f64());
            lease.answered(now, &given(now));
            orders(lease, now);
        }
        now = lease.wakes_at().unwrap();
    }
    sent
}

#[test]
fn while_shards_are_on_their_way_heartbeats_come_sooner_and_no_longer() {
    let given = |now| match now {
        now if now < at(2) => ids(&[]),
        now if now < at(5) => ids(&[1]),
        _ => ids(&[1, 2]),
    };
    let mut lease = Lease::new(RULES);
    let want = [
        0.0, 1.25, 2.5, 3.75, 5.0, 6.25, 7.5, 8.75, 10.0, 11.25, 16.25, 21.25,
    ];
    assert_eq!(sent_until(&mut lease, at(25), given), want);
}

#[test]
fn who_loses_shards_or_keeps_them_does_not_hurry() {
    let mut lease = Lease::new(RULES);
    sent_until(&mut lease, at(10), |_| ids(&[1, 2, 3]));
    let fewer = |now| match now {
        now if now < at(20) => ids(&[1, 2, 3]),
        _ => ids(&[1]),
    };
    let want = [11.25, 16.25, 21.25, 26.25];
    assert_eq!(sent_until(&mut lease, at(30), fewer), want);
}

#[test]
fn a_shard_is_not_begun_while_a_lost_heartbeat_may_still_unsay_it() {
    let mut lease = holding(&[0]);
    beat(&mut lease, at(5));
    lease.failed(at(9), Silence::NoAnswer);
    assert_eq!(beat(&mut lease, at(10)), ids(&[0]));
    lease.answered(at(10), &ids(&[0, 1]));
    assert_eq!(orders(&mut lease, at(10)), []);
    // The next heartbeat does not list it, so the answer before it no longer counts.
    assert_eq!(beat(&mut lease, at(15)), ids(&[0]));
    assert_eq!(orders(&mut lease, at(19)), []);
    lease.answered(at(19), &ids(&[0, 1]));
    assert_eq!(orders(&mut lease, at(19)), [Order::Start(ShardId(1), 1)]);
}

#[test]
fn a_shard_that_the_lost_heartbeat_listed_is_not_held_up() {
    let mut lease = holding(&[0]);
    beat(&mut lease, at(5));
    lease.failed(at(9), Silence::NoAnswer);
    lease.stopped(at(9), ShardId(0));
    beat(&mut lease, at(10));
    lease.answered(at(10), &ids(&[0]));
    assert_eq!(orders(&mut lease, at(10)), [Order::Start(ShardId(0), 1)]);
}

#[test]
fn who_leaves_is_silent_unless_the_lease_runs_out() {
    let mut lease = holding(&[0, 1]);
    beat(&mut lease, at(5));
    lease.leave();
    // What was given meanwhile is not begun.
    lease.answered(at(5), &ids(&[0, 1, 2]));
    let drains = orders(&mut lease, at(5));
    assert!(drains.iter().all(|order| matches!(order, Order::Drain(_))) && drains.len() == 2);
    assert_eq!(orders(&mut lease, at(26)), []);
    assert_eq!(beat(&mut lease, at(27)), ids(&[0, 1]));
    lease.answered(at(27), &ids(&[0, 1]));
    lease.stopped(at(28), ShardId(0));
    assert!(!lease.is_over());
    lease.stopped(at(28), ShardId(1));
    assert!(lease.is_over());
    assert_eq!(orders(&mut lease, at(60)), [Order::Lost]);
}

#[test]
fn an_answer_that_took_longer_than_the_lease_is_none() {
    let mut lease = Lease::new(RULES);
    beat(&mut lease, at(0));
    lease.answered(at(27), &ids(&[0]));
    assert_eq!(lease.grant(), None);
    assert_eq!(beat(&mut lease, at(27)), []);
}

/// A worker span at full speed here: it woke up for a moment that had passed.
#[test]
fn it_never_wakes_up_for_a_moment_that_has_passed() {
    let mut lease = holding(&[0, 1]);
    beat(&mut lease, at(5));
    lease.failed(at(9), Silence::NoAnswer);
    // Shard 1 is taken away and given back before its task has stopped.
    for (second, given) in [(10, &[0][..]), (15, &[0, 1])] {
        beat(&mut lease, at(second));
        lease.answered(at(second), &ids(given));
        orders(&mut lease, at(second));
    }
    let mut now = at(15);
    for _ in 0..10 {
        assert_eq!(orders(&mut lease, now), []);
        let wake = lease.wakes_at().unwrap();
        assert!(wake > now, "{wake:?} at {now:?}");
        now = wake;
        // Sooner than after a whole interval, since it was given more than before.
        if now >= Duration::from_millis(16_250) {
            return;
        }
    }
    panic!("the next heartbeat does not come");
}
