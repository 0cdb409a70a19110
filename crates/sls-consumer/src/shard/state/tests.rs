use std::time::UNIX_EPOCH;

use super::*;
use crate::checkpointer::Mark;
use crate::config::WorkerConfig;
use crate::policy::{ExpiredCursor, FailurePolicy};

const T0: Moment = Duration::ZERO;
const WALL: SystemTime = UNIX_EPOCH;

fn at(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

fn cursor(position: u64) -> Cursor {
    Cursor::at_position(position)
}

fn state(config: WorkerConfig) -> ShardState<u64> {
    ShardState::new(Arc::new(config.reading))
}

fn config() -> WorkerConfig {
    WorkerConfig::new("g").with_save_interval(Duration::from_secs(5))
}

fn actions(state: &mut ShardState<u64>, now: Moment) -> Vec<Action> {
    std::iter::from_fn(|| state.next(now, WALL)).collect()
}

fn pull(position: u64, is_ahead: bool) -> Action {
    Action::Pull {
        cursor: cursor(position),
        end: None,
        is_ahead,
    }
}

/// One group per batch, as many as are asked for, so that no pause follows.
fn full(next: u64, batch: Option<u64>) -> Pulled<u64> {
    Pulled {
        next: cursor(next),
        at_end: Some(false),
        groups: 1,
        bytes: 1,
        batch,
    }
}

/// Begins at 10, from a checkpoint, and is free to work.
fn begun(config: WorkerConfig) -> ShardState<u64> {
    let mut state = state(config);
    assert_eq!(actions(&mut state, T0), [Action::Load]);
    state.loaded(Some(cursor(10)));
    let start = Action::Start {
        from: cursor(10),
        is_resumed: true,
    };
    assert_eq!(actions(&mut state, T0), [start, pull(10, false)]);
    state.started();
    state
}

/// Has batch 10 in hand and 11 read ahead.
fn busy(config: WorkerConfig) -> ShardState<u64> {
    let mut state = begun(config);
    state.pulled(T0, full(11, Some(10)));
    assert_eq!(
        actions(&mut state, T0),
        [Action::Process { attempt: 1 }, pull(11, true)]
    );
    state.pulled(T0, full(12, Some(11)));
    assert_eq!(
        actions(&mut state, T0),
        [],
        "one in hand and one ahead is all there is room for"
    );
    state
}

#[test]
fn batches_are_processed_one_at_a_time_and_in_order() {
    let mut state = busy(config());
    assert_eq!(state.front(), Some(&10));
    state.processed();
    assert_eq!(
        actions(&mut state, T0),
        [Action::Process { attempt: 1 }, pull(12, true)]
    );
    assert_eq!(state.front(), Some(&11));
    assert_eq!(state.position().unwrap().cursor, cursor(11));
}

#[test]
fn a_failing_batch_is_handed_over_again_and_nothing_passes_it() {
    let mut state = busy(config());
    assert_eq!(state.failed(T0), Verdict::Again);
    assert_eq!(actions(&mut state, T0), []);
    let again = state.wakes_at().unwrap();
    assert_eq!(again, FailurePolicy::DEFAULT_FIRST_PAUSE);
    assert_eq!(actions(&mut state, again), [Action::Process { attempt: 2 }]);
    assert_eq!(state.front(), Some(&10));
    assert_eq!(state.position().unwrap().cursor, cursor(10));
}

#[test]
fn the_last_failure_is_decided_by_the_policy() {
    let mut skipping = busy(config().with_on_failure(FailurePolicy::skip().with_attempts(1)));
    assert_eq!(skipping.failed(T0), Verdict::Skipped);
    assert_eq!(skipping.position().unwrap().cursor, cursor(11));

    let mut stopping = busy(config().with_on_failure(FailurePolicy::stop().with_attempts(1)));
    assert_eq!(stopping.failed(T0), Verdict::Stop);
    assert_eq!(actions(&mut stopping, T0), [Action::Stop]);
    stopping.ended();
    assert_eq!(actions(&mut stopping, T0), []);
    assert_eq!(stopping.stopped(), Some(StopReason::Failed));
}

#[test]
fn a_shard_that_drains_finishes_the_batch_in_hand_saves_and_is_released() {
    let mut state = busy(config());
    state.drain();
    assert_eq!(actions(&mut state, T0), []);
    state.processed();
    assert_eq!(
        actions(&mut state, T0),
        [Action::Stop],
        "what was read ahead is not begun"
    );
    state.ended();
    assert_eq!(actions(&mut state, T0), [Action::Save(cursor(11))]);
    assert_eq!(state.stopped(), None);
    state.saved(T0);
    assert_eq!(actions(&mut state, T0), []);
    assert_eq!(state.stopped(), Some(StopReason::Released));
}

#[test]
fn a_last_save_that_keeps_failing_does_not_hold_the_shard_for_ever() {
    let mut state = busy(config());
    state.drain();
    state.processed();
    actions(&mut state, T0);
    state.ended();
    let mut now = T0;
    for _ in 0..LAST_SAVES {
        assert_eq!(actions(&mut state, now), [Action::Save(cursor(11))]);
        state.save_failed(now, SaveFailure::Refused);
        now = state.wakes_at().unwrap_or(now);
    }
    assert_eq!(actions(&mut state, now), []);
    assert_eq!(state.stopped(), Some(StopReason::Released));
}

#[test]
fn a_newer_checkpoint_waits_for_one_that_may_still_arrive() {
    let mut state = busy(config());
    state.processed();
    actions(&mut state, T0);
    assert_eq!(actions(&mut state, at(5)), [Action::Save(cursor(11))]);
    state.processed();
    state.save_failed(at(5), SaveFailure::NoAnswer);
    assert!(
        actions(&mut state, at(14))
            .iter()
            .all(|action| !matches!(action, Action::Save(_)))
    );
    assert_eq!(actions(&mut state, at(15)), [Action::Save(cursor(12))]);
}

#[test]
fn a_save_that_the_service_refuses_to_a_stranger_ends_the_shard_at_once() {
    let mut state = busy(config());
    state.processed();
    actions(&mut state, T0);
    actions(&mut state, at(5));
    state.save_failed(at(5), SaveFailure::NotOurs);
    assert_eq!(actions(&mut state, at(60)), []);
    assert_eq!(state.stopped(), Some(StopReason::TakenAway));
}

#[test]
fn a_place_at_the_end_is_saved_before_anything_is_read() {
    let mut state = state(config().with_start(CursorPosition::End));
    actions(&mut state, T0);
    state.loaded(None);
    assert_eq!(
        actions(&mut state, T0),
        [Action::Locate(CursorPosition::End)]
    );
    state.located(cursor(7));
    let start = Action::Start {
        from: cursor(7),
        is_resumed: false,
    };
    assert_eq!(actions(&mut state, T0), [start, Action::Save(cursor(7))]);
    state.saved(T0);
    assert_eq!(actions(&mut state, T0), [pull(7, false)]);
}

#[test]
fn what_a_query_left_empty_moves_the_checkpoint_in_its_turn() {
    let mut state = busy(config());
    state.processed();
    actions(&mut state, T0);
    state.pulled(T0, full(20, None));
    assert_eq!(state.position().unwrap().cursor, cursor(11));
    state.processed();
    assert_eq!(state.position().unwrap().cursor, cursor(20));
    actions(&mut state, T0);
    state.pulled(T0, full(30, None));
    assert_eq!(state.position().unwrap().cursor, cursor(30));
}

#[test]
fn a_shard_without_news_is_saved_at_once() {
    let mut state = begun(config());
    state.pulled(
        T0,
        Pulled {
            at_end: Some(true),
            ..full(11, Some(10))
        },
    );
    actions(&mut state, T0);
    state.processed();
    assert_eq!(actions(&mut state, T0), [Action::Save(cursor(11))]);
}

#[test]
fn an_expired_cursor_is_followed_by_the_oldest_logs_or_by_the_end_of_the_worker() {
    let mut state = begun(config());
    assert!(!state.read_failed(T0, ReadFailure::Expired));
    assert_eq!(
        actions(&mut state, T0),
        [Action::Locate(CursorPosition::Begin)]
    );
    state.located(cursor(50));
    assert_eq!(actions(&mut state, T0), [pull(50, false)]);
    assert_eq!(state.position().unwrap().cursor, cursor(50));

    let mut state = begun(config().with_on_expired(ExpiredCursor::Stop));
    assert!(state.read_failed(T0, ReadFailure::Expired));
    actions(&mut state, T0);
    state.ended();
    actions(&mut state, T0);
    assert_eq!(state.stopped(), Some(StopReason::Failed));
}

#[test]
fn a_cursor_that_expires_behind_a_batch_in_hand_waits_for_it() {
    let mut state = begun(config());
    state.pulled(T0, full(11, Some(10)));
    actions(&mut state, T0);
    state.read_failed(T0, ReadFailure::Expired);
    assert_eq!(
        actions(&mut state, T0),
        [Action::Locate(CursorPosition::Begin)]
    );
    state.located(cursor(50));
    assert_eq!(state.position().unwrap().cursor, cursor(10));
    state.processed();
    assert_eq!(state.position().unwrap().cursor, cursor(50));
}

#[test]
fn a_refusal_for_good_is_tried_a_few_times_and_then_ends_the_worker() {
    let mut state = begun(config());
    for tries in 1..=MOST_REFUSALS {
        let is_end = state.read_failed(T0, ReadFailure::Lasting);
        assert_eq!(is_end, tries == MOST_REFUSALS);
        let now = state.wakes_at().unwrap_or(T0);
        actions(&mut state, now);
    }
}

#[test]
fn a_paused_shard_gives_back_what_it_read_ahead_and_reads_it_again() {
    let mut state = busy(config());
    state.pause();
    state.processed();
    assert_eq!(actions(&mut state, T0), []);
    state.resume();
    assert_eq!(actions(&mut state, T0), [pull(11, false)]);
}

#[test]
fn manual_checkpoints_save_what_was_marked_and_no_more() {
    let mark = |sequence, position, is_urgent| Mark {
        place: Place {
            sequence,
            cursor: cursor(position),
        },
        is_urgent,
    };
    let mut state = busy(config().with_manual_checkpoints());
    state.processed();
    actions(&mut state, T0);
    assert_eq!(actions(&mut state, at(60)), []);
    state.marked(mark(1, 11, true));
    assert_eq!(actions(&mut state, at(60)), [Action::Save(cursor(11))]);
    assert_eq!(state.saved(at(60)), 1);
    state.marked(mark(2, 12, true));
    state.marked(mark(1, 11, true));
    let saves = actions(&mut state, at(60));
    assert_eq!(saves, [Action::Save(cursor(12))], "a mark never moves back");
}

#[test]
fn a_bounded_shard_reads_up_to_its_end_and_no_further() {
    let time = UNIX_EPOCH + Duration::from_secs(100);
    let mut state = state(config().until(time));
    assert_eq!(state.next(T0, time), Some(Action::Load));
    state.loaded(Some(cursor(10)));
    assert!(matches!(state.next(T0, time), Some(Action::Start { .. })));
    state.started();
    assert_eq!(
        state.next(T0, time),
        Some(Action::Locate(CursorPosition::At(time)))
    );
    state.located(cursor(12));
    let bounded = |from| Action::Pull {
        cursor: cursor(from),
        end: Some(cursor(12)),
        is_ahead: from > 10,
    };
    assert_eq!(state.next(T0, time), Some(bounded(10)));
    state.pulled(T0, full(12, Some(10)));
    assert_eq!(state.next(T0, time), Some(Action::Process { attempt: 1 }));
    state.processed();
    assert_eq!(state.next(T0, time), Some(Action::Save(cursor(12))));
    state.saved(T0);
    assert_eq!(state.next(at(9), time), None);
    assert_eq!(state.phase(), Phase::Finished);
}

#[test]
fn a_batch_that_waits_for_its_next_attempt_is_given_back_and_the_same_is_read_again_for_it() {
    let mut state = busy(config());
    assert!(!state.waits_with_batch(), "it is being worked on");
    state.failed(T0);
    let again = state.wakes_at().unwrap();
    assert!(state.waits_with_batch());
    state.give_back();
    assert!(!state.waits_with_batch());
    assert_eq!((state.front(), state.queue.len()), (None, 0));
    assert_eq!(actions(&mut state, T0), []);
    assert_eq!(state.wakes_at(), Some(again), "nothing is held before");
    let same = Action::Pull {
        cursor: cursor(10),
        end: Some(cursor(11)),
        is_ahead: false,
    };
    assert_eq!(actions(&mut state, again), [same]);
    assert_eq!(state.wakes_at(), None, "no attempt without a batch");
    let pulled = Pulled {
        at_end: Some(true),
        ..full(11, Some(10))
    };
    state.pulled(again, pulled);
    assert!(!state.is_caught_up(), "that was not the end of the shard");
    assert_eq!(
        actions(&mut state, again),
        [Action::Process { attempt: 2 }, pull(11, true)]
    );
    state.processed();
    assert_eq!(state.position().unwrap().cursor, cursor(11));
}

#[test]
fn a_batch_that_was_given_back_and_has_expired_since_takes_its_failures_with_it() {
    let mut state = busy(config());
    state.failed(T0);
    let again = state.wakes_at().unwrap();
    state.give_back();
    actions(&mut state, again);
    state.read_failed(again, ReadFailure::Expired);
    let begin = Action::Locate(CursorPosition::Begin);
    assert_eq!(actions(&mut state, again), [begin]);
    state.located(cursor(50));
    assert_eq!(actions(&mut state, again), [pull(50, false)]);
    state.pulled(again, full(51, Some(50)));
    let first = Action::Process { attempt: 1 };
    assert_eq!(actions(&mut state, again), [first, pull(51, true)]);
}

#[test]
fn what_is_left_of_a_shard_that_is_gone_is_not_given_back() {
    let mut state = busy(config());
    state.processed();
    actions(&mut state, T0);
    state.pulled(T0, full(13, Some(12)));
    state.processed();
    actions(&mut state, T0);
    state.pulled(T0, full(14, Some(13)));
    state.failed(T0);
    assert!(state.waits_with_batch() && state.has_ahead());
    state.read_failed(T0, ReadFailure::Gone);
    assert!(!state.waits_with_batch() && !state.has_ahead());
    state.pause();
    state.resume();
    let again = state.wakes_at().unwrap();
    assert_eq!(actions(&mut state, again), [Action::Process { attempt: 2 }]);
    state.processed();
    assert_eq!(actions(&mut state, again), [Action::Process { attempt: 1 }]);
    assert_eq!(state.front(), Some(&13), "all of it is processed");
}

#[test]
fn what_is_read_ahead_is_given_back_alone_while_a_batch_is_in_hand() {
    let mut state = busy(config());
    assert!(state.has_ahead());
    state.give_back_ahead();
    assert_eq!((state.front(), state.has_ahead()), (Some(&10), false));
    assert_eq!(actions(&mut state, T0), [pull(11, true)]);
}

#[test]
fn a_shard_that_drains_keeps_only_the_batch_in_hand() {
    let mut state = busy(config());
    state.drain();
    assert_eq!((state.front(), state.queue.len()), (Some(&10), 1));
}

#[test]
fn an_answer_without_room_is_asked_for_again() {
    let mut state = begun(config());
    state.not_held();
    assert_eq!(actions(&mut state, T0), [pull(10, false)]);
}

#[test]
fn a_shard_that_comes_back_settles_before_its_checkpoint_is_loaded() {
    let mut state = state(config());
    state.settle_until(at(10));
    assert_eq!(actions(&mut state, at(9)), []);
    assert_eq!(state.wakes_at(), Some(at(10)));
    assert_eq!(actions(&mut state, at(10)), [Action::Load]);
}

#[test]
fn a_lost_shard_does_nothing_more() {
    let mut state = busy(config());
    state.lose();
    assert_eq!(actions(&mut state, at(60)), []);
    assert_eq!(state.stopped(), Some(StopReason::LeaseLost));
}
