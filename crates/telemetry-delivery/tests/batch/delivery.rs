//! What follows an attempt.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use telemetry_delivery::batch::{
    BatchConfig, Collect, DeadReason, Delivery, DropReason, Event, Outcome,
};

use super::{LONG, MS, config, patient, start, texts};

type Letters = Arc<Mutex<Vec<(Vec<Vec<u8>>, DeadReason)>>>;

fn with_letters(config: BatchConfig) -> (BatchConfig, Letters) {
    let letters = Letters::default();
    let kept = Arc::clone(&letters);
    let config = config.with_dead_letters(move |letter| {
        let items = letter.batch.items().map(<[u8]>::to_vec).collect();
        kept.lock().unwrap().push((items, letter.reason.clone()));
    });
    (config, letters)
}

#[test]
fn a_refusal_for_good_is_tried_once_and_becomes_one_dead_letter() {
    let (config, letters) = with_letters(config());
    let sink = Collect::answering(|_| Delivery::refused("no such logstore"));
    let (batcher, guard, lane) = start(config, &sink);
    let receipt = batcher.append_with_receipt(lane, b"x").unwrap();
    let report = guard.close_blocking(LONG);
    let reason = DeadReason::Refused("no such logstore".into());
    assert_eq!(sink.attempts(), 1);
    assert_eq!((report.dead_lettered, report.dropped), (1, 0));
    assert_eq!(
        *letters.lock().unwrap(),
        [(vec![b"x".to_vec()], reason.clone())]
    );
    assert_eq!(receipt.outcome(), Some(Outcome::DeadLettered(reason)));
}

#[test]
fn without_anybody_to_take_dead_letters_they_are_counted_as_dropped() {
    let sink = Collect::answering(|_| Delivery::refused("no"));
    let (batcher, guard, lane) = start(config(), &sink);
    let receipt = batcher.append_with_receipt(lane, b"x").unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!((report.dead_lettered, report.dropped), (0, 1));
    assert_eq!(report.total.dropped.of(DropReason::Refused), 1);
    assert_eq!(
        receipt.outcome(),
        Some(Outcome::Dropped(DropReason::Refused))
    );
}

#[test]
fn a_batch_that_is_too_large_is_cut_until_it_fits() {
    let (config, letters) = with_letters(patient());
    let sink = Collect::answering(|batch| match batch.bytes().len() {
        0..=10 => Delivery::Delivered,
        _ => Delivery::TooLarge,
    });
    let (batcher, guard, lane) = start(config, &sink);
    let items = ["aaaa", "bbbb", "much too large", "cccc", "dddd", "eeee"];
    let receipts: Vec<_> = items
        .iter()
        .map(|item| batcher.append_with_receipt(lane, item.as_bytes()).unwrap())
        .collect();
    let report = guard.close_blocking(LONG);
    let mut delivered = sink.items();
    delivered.sort();
    assert_eq!(texts(&delivered), ["aaaa", "bbbb", "cccc", "dddd", "eeee"]);
    assert_eq!((report.delivered, report.dead_lettered), (5, 1));
    let dead = (vec![items[2].as_bytes().to_vec()], DeadReason::Oversized);
    assert_eq!(*letters.lock().unwrap(), [dead]);
    for (item, receipt) in items.iter().zip(&receipts) {
        let want = match *item {
            "much too large" => Outcome::DeadLettered(DeadReason::Oversized),
            _ => Outcome::Delivered,
        };
        assert_eq!(receipt.outcome(), Some(want), "{item}");
    }
}

#[test]
fn a_batch_whose_time_is_over_becomes_a_dead_letter() {
    let (config, letters) = with_letters(config().with_give_up_after(20 * MS));
    let sink = Collect::answering(|_| Delivery::again("down"));
    let (batcher, _guard, lane) = start(config, &sink);
    let receipt = batcher.append_with_receipt(lane, b"x").unwrap();
    let reason = DeadReason::Expired("down".into());
    assert_eq!(
        receipt.wait(LONG),
        Some(Outcome::DeadLettered(reason.clone()))
    );
    assert_eq!(letters.lock().unwrap()[0].1, reason);
}

#[test]
fn a_batch_is_tried_until_the_next_attempt_would_be_too_late() {
    let (config, letters) = with_letters(config().with_give_up_after(LONG));
    let sink = Collect::answering(|batch| match batch.attempt() {
        1 | 2 => Delivery::again("down"),
        _ => Delivery::Again {
            cause: "down for long".into(),
            wait: Some(2 * LONG),
        },
    });
    let (batcher, _guard, lane) = start(config, &sink);
    let receipt = batcher.append_with_receipt(lane, b"x").unwrap();
    let reason = DeadReason::Expired("down for long".into());
    assert_eq!(
        receipt.wait(LONG),
        Some(Outcome::DeadLettered(reason.clone()))
    );
    assert_eq!(sink.attempts(), 3);
    assert_eq!(letters.lock().unwrap()[0].1, reason);
}

#[test]
fn a_sink_that_hangs_is_cut_off_and_the_batch_tried_again() {
    use telemetry_delivery::batch::{Batcher, LaneConfig, Sealed, Sink};

    struct HangsOnce(Collect);
    impl Sink for HangsOnce {
        async fn deliver(&self, batch: &Sealed) -> Delivery {
            if batch.attempt() == 1 {
                std::future::pending::<()>().await;
            }
            self.0.deliver(batch).await
        }
    }
    let sink = Collect::new();
    let inner = sink.clone();
    let config = config().with_attempt_timeout(5 * MS);
    let (batcher, guard) = Batcher::start(config, move || HangsOnce(inner.clone())).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"x").unwrap();
    assert!(sink.wait_for_items(1, LONG));
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.attempts, 2);
    let (_, cause) = report.total.last_error.unwrap();
    assert_eq!(&*cause, "the attempt took too long");
}

#[test]
fn refusals_for_load_slow_the_lane_down_and_lose_nothing() {
    let sink = Collect::answering(|batch| match batch.attempt() {
        1 if batch.number() < 3 => Delivery::throttled("quota"),
        _ => Delivery::Delivered,
    });
    let (batcher, guard, lane) = start(patient().with_batch_items(1), &sink);
    for n in 0..20u8 {
        batcher.append(lane, &[n]).unwrap();
    }
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.delivered, 20);
    assert!(report.total.throttled >= 1);
    assert_eq!(report.total.dropped.total(), 0);
}

#[test]
fn failures_and_their_end_are_told_once() {
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&events);
    let config = config().with_on_event(move |event| {
        kept.lock().unwrap().push(match event {
            Event::Failing { cause } => format!("failing: {cause}"),
            Event::Resumed { .. } => "resumed".to_owned(),
            other => format!("{other:?}"),
        });
    });
    let sink = Collect::answering(|batch| match (batch.number(), batch.attempt()) {
        (0, 1..=3) => Delivery::again("down"),
        _ => Delivery::Delivered,
    });
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..5 {
        batcher.append(lane, b"x").unwrap();
        batcher.flush_blocking(LONG).unwrap();
    }
    guard.close_blocking(LONG);
    assert_eq!(*events.lock().unwrap(), ["failing: down", "resumed"]);
}

#[test]
fn while_the_other_side_is_down_it_is_not_hammered() {
    let sink = Collect::answering(|_| Delivery::again("down"));
    let slow = telemetry_delivery::Backoff::new(3600 * 1000 * MS, 3600 * 1000 * MS);
    let config = patient().with_batch_items(1).with_backoff(slow);
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..200 {
        batcher.append(lane, b"x").unwrap();
    }
    assert!(sink.wait_for_attempts(1, LONG));
    assert!(batcher.flush_blocking(50 * MS).is_err());
    // Those in flight together with the first one, and no more.
    assert!(sink.attempts() <= 4, "{}", sink.attempts());
    let report = guard.close_blocking(Duration::ZERO);
    assert_eq!(report.dropped, 200);
}

#[test]
fn times_that_the_clock_does_not_reach_mean_never() {
    let sink = Collect::answering(|batch| match batch.attempt() {
        1 => Delivery::again("busy"),
        _ => Delivery::Delivered,
    });
    let endless = config()
        .with_linger(Duration::MAX)
        .with_give_up_after(Duration::MAX);
    let (batcher, guard, lane) = start(endless, &sink);
    batcher.append(lane, b"one").unwrap();
    batcher.flush_blocking(LONG).unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!((report.total.delivered, report.total.panics), (1, 0));
}
