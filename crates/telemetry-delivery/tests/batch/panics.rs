//! What is foreign may panic; the engine goes on and loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use telemetry_delivery::batch::{
    BatchHead, Batcher, Collect, DeadReason, Delivery, LaneConfig, Outcome, Sealed, Sink,
};

use super::{LONG, config, patient, start, texts};

#[test]
fn a_panic_of_the_sink_costs_an_attempt() {
    let sink = Collect::answering(|batch| match (batch.number(), batch.attempt()) {
        (0, 1 | 2) => panic!("an expected panic of a test"),
        _ => Delivery::Delivered,
    });
    let (batcher, guard, lane) = start(config(), &sink);
    batcher.append(lane, b"a").unwrap();
    assert!(sink.wait_for_items(1, LONG));
    batcher.append(lane, b"b").unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items()), ["a", "b"]);
    assert_eq!(report.total.panics, 2);
}

#[test]
fn a_batch_that_always_makes_the_sink_panic_becomes_a_dead_letter() {
    let sink = Collect::answering(|_| panic!("an expected panic of a test"));
    let config = config().with_dead_letters(|_| {});
    let (batcher, _guard, lane) = start(config, &sink);
    let receipt = batcher.append_with_receipt(lane, b"a").unwrap();
    assert_eq!(
        receipt.wait(LONG),
        Some(Outcome::DeadLettered(DeadReason::Panicked))
    );
    assert_eq!(sink.attempts(), 3);
}

#[test]
fn panics_of_callbacks_are_counted_and_change_nothing() {
    let sink = Collect::answering(|batch| match batch.attempt() {
        1 => Delivery::again("busy"),
        _ => Delivery::refused("no"),
    });
    let config = config()
        .with_on_event(|_| panic!("an expected panic of a test"))
        .with_dead_letters(|_| panic!("an expected panic of a test"));
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..3 {
        batcher.append(lane, b"a").unwrap();
        batcher.flush_blocking(LONG).unwrap();
    }
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.dead_lettered, 3);
    assert!(report.total.panics >= 4, "{}", report.total.panics);
}

#[test]
fn a_trailer_that_panics_is_left_out() {
    struct Tail(Collect);
    impl Sink for Tail {
        async fn deliver(&self, batch: &Sealed) -> Delivery {
            assert_eq!(batch.body(), b"a");
            self.0.deliver(batch).await
        }

        fn trailer(&self, _: BatchHead<'_>, out: &mut Vec<u8>) {
            out.extend_from_slice(b"half a trai");
            panic!("an expected panic of a test");
        }
    }
    let sink = Collect::new();
    let inner = sink.clone();
    let (batcher, guard) = Batcher::start(patient(), move || Tail(inner.clone())).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"a").unwrap();
    guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items()), ["a"]);
}

#[test]
fn a_sink_that_cannot_be_made_at_first_is_made_later() {
    let sink = Collect::new();
    let (made, tries) = (sink.clone(), Arc::new(AtomicUsize::new(0)));
    let make = move || {
        assert!(
            tries.fetch_add(1, Ordering::Relaxed) > 0,
            "an expected panic of a test"
        );
        made.clone()
    };
    let (batcher, guard) = Batcher::start(config(), make).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"a").unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!((report.delivered, report.total.panics), (1, 1));
}
