//! The end, in time and with a report.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use telemetry_delivery::batch::{
    Batcher, Collect, Delivery, DropReason, LaneConfig, Outcome, Rejected, Sealed, Sink,
};

use super::{LONG, MS, config, patient, start, texts};

/// Never answers.
struct Hangs;

impl Sink for Hangs {
    async fn deliver(&self, _: &Sealed) -> Delivery {
        std::future::pending().await
    }
}

/// Blocks the engine's thread, which no sink should, until the other end is dropped.
struct Blocks(Arc<Mutex<mpsc::Receiver<()>>>);

impl Sink for Blocks {
    async fn deliver(&self, _: &Sealed) -> Delivery {
        let _ = self.0.lock().unwrap().recv();
        Delivery::Delivered
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the promise is about real time, whatever the engine's clock says"
)]
fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = call();
    (result, start.elapsed())
}

#[test]
fn dropping_the_guard_delivers_what_is_left() {
    let sink = Collect::new();
    let (batcher, guard, lane) = start(patient(), &sink);
    for item in ["a", "b"] {
        batcher.append(lane, item.as_bytes()).unwrap();
    }
    drop(guard);
    assert_eq!(texts(&sink.items()), ["a", "b"]);
}

#[test]
fn after_closing_items_are_refused_and_counted() {
    let (batcher, guard, lane) = start(patient(), &Collect::new());
    batcher.append(lane, b"a").unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!((report.delivered, report.dropped), (1, 0));
    assert_eq!(batcher.append(lane, b"b"), Err(Rejected::Closed));
    let late = batcher.lane(LaneConfig::new("late")).unwrap();
    assert_eq!(batcher.append(late, b"c"), Err(Rejected::Closed));
    assert_eq!(batcher.stats().dropped.of(DropReason::Closed), 2);
    // There is nothing left to wait for.
    batcher.flush_blocking(LONG).unwrap();
}

#[test]
fn closing_is_over_in_time_when_the_sink_hangs() {
    let (batcher, guard) = Batcher::start(patient(), || Hangs).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    let receipt = batcher.append_with_receipt(lane, b"a").unwrap();
    let (report, took) = timed(|| guard.close_blocking(50 * MS));
    assert!(took < LONG / 2, "{took:?}");
    assert_eq!((report.delivered, report.dropped), (0, 1));
    assert_eq!(report.total.in_memory_items, 0);
    assert_eq!(
        receipt.outcome(),
        Some(Outcome::Dropped(DropReason::ShutDown))
    );
}

#[test]
fn closing_is_over_in_time_when_the_sink_blocks_the_thread() {
    let (release, blocked) = mpsc::channel();
    let blocked = Arc::new(Mutex::new(blocked));
    let (batcher, guard) = Batcher::start(patient(), move || Blocks(Arc::clone(&blocked))).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    let receipt = batcher.append_with_receipt(lane, b"a").unwrap();
    let (report, took) = timed(|| guard.close_blocking(50 * MS));
    assert!(took < LONG / 2, "{took:?}");
    assert_eq!(report.dropped, 1);
    let outcome = Some(Outcome::Dropped(DropReason::ShutDown));
    assert_eq!(receipt.outcome(), outcome);
    // What comes back in the end changes nothing any more.
    drop(release);
    assert_eq!(receipt.outcome(), outcome);
    assert_eq!(batcher.stats().delivered, 0);
}

#[tokio::test(flavor = "current_thread")]
async fn closing_without_blocking_is_over_in_time_when_the_sink_blocks_the_thread() {
    let (release, blocked) = mpsc::channel();
    let blocked = Arc::new(Mutex::new(blocked));
    let (batcher, guard) = Batcher::start(patient(), move || Blocks(Arc::clone(&blocked))).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"a").unwrap();
    let report = guard.close(50 * MS).await;
    assert_eq!(report.dropped, 1);
    drop(release);
}

#[test]
fn a_batch_that_waits_for_its_next_attempt_gets_one_more_when_closing() {
    let sink = Collect::answering(|batch| match batch.attempt() {
        1 => Delivery::again("busy"),
        _ => Delivery::Delivered,
    });
    let day = Duration::from_secs(86_400);
    let slow = telemetry_delivery::Backoff::new(1000 * day, 1000 * day);
    let (batcher, guard, lane) = start(config().with_backoff(slow), &sink);
    batcher.append(lane, b"a").unwrap();
    assert!(sink.wait_for_attempts(1, LONG));
    let report = guard.close_blocking(LONG);
    assert_eq!((report.delivered, report.dropped), (1, 0));
}

#[test]
fn closing_in_a_callback_does_not_wait_for_itself() {
    let guard: Arc<Mutex<Option<telemetry_delivery::batch::Guard>>> = Arc::default();
    let taken = Arc::clone(&guard);
    let config = config().with_on_event(move |_| drop(taken.lock().unwrap().take()));
    let sink = Collect::answering(|_| Delivery::again("down"));
    let made = sink.clone();
    let (batcher, own) = Batcher::start(config, move || made.clone()).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    *guard.lock().unwrap() = Some(own);
    let receipt = batcher.append_with_receipt(lane, b"a").unwrap();
    assert_eq!(
        receipt.wait(LONG),
        Some(Outcome::Dropped(DropReason::ShutDown))
    );
}

#[test]
fn items_can_be_appended_while_unwinding() {
    struct Says(Batcher, telemetry_delivery::batch::Lane);
    impl Drop for Says {
        fn drop(&mut self) {
            self.0.append(self.1, b"unwinding").unwrap();
        }
    }
    let sink = Collect::new();
    let (batcher, guard, lane) = start(patient(), &sink);
    let thread = std::thread::spawn(move || {
        let _says = Says(batcher, lane);
        std::panic::resume_unwind(Box::new("stop"));
    });
    assert!(thread.join().is_err());
    guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items()), ["unwinding"]);
}
