//! What waits, what leaves, and what becomes of the rest.

#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]
#![expect(dead_code, reason = "each test uses a part of the support")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use growingio_tracker::{
    Asynchronous, Buffered, DeadLetter, Error, Identity, Overflow, Retry, TrackerBuilder,
};
use support::{Answer, Collector, MINUTE, names, track};
use tokio::time::{Instant, sleep};

fn no_retry() -> Retry {
    Retry::default().with_limit(0)
}

/// Refuses a request that has an event of this name, whatever else it has.
fn dislikes(name: &'static str) -> Collector {
    Collector::new(move |_, body| {
        if body.contains(name) {
            Answer::Status(400)
        } else {
            Answer::Status(200)
        }
    })
}

fn letters(builder: TrackerBuilder) -> (TrackerBuilder, Arc<Mutex<Vec<DeadLetter>>>) {
    let letters = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&letters);
    let builder = builder.on_dead_letter(move |letter| taken.lock().unwrap().push(letter));
    (builder, letters)
}

#[tokio::test(start_paused = true)]
async fn one_message_that_is_refused_is_given_up_alone() {
    let collector = dislikes("bad");
    let (builder, letters) = letters(collector.tracker());
    let tracker = builder
        .delivery(Buffered::default().with_max_size(100))
        .build()
        .unwrap();
    for number in 0..99 {
        let name = if number == 37 { "bad" } else { "good" };
        track(&tracker, name).await.unwrap();
    }
    let error = track(&tracker, "last").await.unwrap_err();
    assert!(error.is_taken() && matches!(error, Error::GivenUp { .. }));
    assert_eq!(collector.accepted().concat().len(), 99);
    let counts = tracker.counts();
    assert_eq!((counts.delivered, counts.dead_lettered), (99, 1));
    assert_eq!(counts.waiting(), 0);
    let letters = letters.lock().unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].messages, &*letters[0].product_id), (1, "p"));
    assert!(matches!(
        letters[0].reason,
        Error::Refused { status: 400, .. }
    ));
    let body = String::from_utf8(letters[0].body()).unwrap();
    assert!(body.starts_with("[{") && body.contains("\"bad\""), "{body}");
    assert!(!format!("{:?}", letters[0]).contains("bad"));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_refuses_everything_is_not_asked_about_every_message() {
    let collector = Collector::new(|_, _| Answer::Status(400));
    let (builder, letters) = letters(collector.tracker());
    let delivery = Buffered::default().with_max_size(1024);
    let tracker = builder.delivery(delivery).build().unwrap();
    for _ in 0..1024 {
        let _ = track(&tracker, "e").await;
    }
    assert_eq!(tracker.counts().dead_lettered, 1024);
    assert_eq!(letters.lock().unwrap().len(), 11);
    assert!(collector.requests().len() < 30);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_given_up_without_halving() {
    let collector = Collector::new(|_, _| Answer::Status(403));
    let (builder, letters) = letters(collector.tracker());
    let delivery = Buffered::default().with_max_size(4);
    let tracker = builder.delivery(delivery).build().unwrap();
    for _ in 0..4 {
        let _ = track(&tracker, "e").await;
    }
    assert_eq!(collector.requests().len(), 1);
    assert_eq!(letters.lock().unwrap()[0].messages, 4);
}

#[tokio::test(start_paused = true)]
async fn items_and_events_keep_their_order_on_request() {
    for background in [false, true] {
        let collector = Collector::kind();
        let builder = collector.tracker();
        let tracker = if background {
            builder.delivery(Asynchronous::default().with_order_kept())
        } else {
            builder.delivery(Buffered::default().with_order_kept())
        };
        let tracker = tracker.build().unwrap();
        track(&tracker, "e1").await.unwrap();
        track(&tracker, "e2").await.unwrap();
        tracker.submit_item("i1", "1", ()).await.unwrap();
        track(&tracker, "e3").await.unwrap();
        tracker.submit_item("i2", "2", ()).await.unwrap();
        assert!(tracker.close(MINUTE).await.is_complete());
        let accepted = collector.accepted();
        assert_eq!(accepted.concat(), ["e1", "e2", "i1", "e3", "i2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_loses_nothing_and_repeats_nothing() {
    // Down for the first 40 requests.
    let collector = Collector::new(|number, _| match number {
        0..20 => Answer::Lost,
        20..40 => Answer::Status(503),
        _ => Answer::Status(200),
    });
    let tracker = collector
        .tracker()
        .delivery(Asynchronous::default().with_max_size(10))
        .build()
        .unwrap();
    for number in 0..95 {
        track(&tracker, &format!("e{number}")).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let report = tracker.close(Duration::from_secs(600)).await;
    assert!(report.is_complete(), "{report:?}");
    let wanted: Vec<_> = (0..95).map(|number| format!("e{number}")).collect();
    assert_eq!(collector.accepted().concat(), wanted);
    assert!(collector.accepted().iter().all(|batch| batch.len() <= 10));
    assert_eq!(tracker.counts().delivered, 95);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_fails_does_not_hold_up_the_others() {
    let collector = Collector::new(|_, body| {
        if body.contains("eventName") {
            Answer::Status(500)
        } else {
            Answer::Status(200)
        }
    });
    let tracker = collector
        .tracker()
        .retry(no_retry())
        .delivery(Asynchronous::default())
        .build()
        .unwrap();
    track(&tracker, "e").await.unwrap();
    tracker.submit_item("i", "1", ()).await.unwrap();
    let report = tracker.flush(MINUTE).await;
    assert!(matches!(
        report.error,
        Some(Error::Refused { status: 500, .. })
    ));
    assert_eq!((report.waiting, report.counts.delivered), (1, 1));
    assert_eq!(collector.accepted(), [["i"]]);
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_company_no_longer_than_it_may() {
    let collector = Collector::kind();
    let delivery = Asynchronous::default().with_flush_after(Duration::from_secs(7));
    let tracker = collector.tracker().delivery(delivery).build().unwrap();
    sleep(MINUTE).await;
    track(&tracker, "e").await.unwrap();
    sleep(Duration::from_millis(6900)).await;
    assert!(collector.requests().is_empty());
    sleep(Duration::from_millis(200)).await;
    assert_eq!(collector.accepted(), [["e"]]);
}

#[tokio::test(start_paused = true)]
async fn an_item_and_a_full_batch_send_what_waits_at_once() {
    let collector = Collector::kind();
    let delivery = Asynchronous::default().with_max_size(2);
    let tracker = collector.tracker().delivery(delivery).build().unwrap();
    track(&tracker, "e1").await.unwrap();
    tracker.submit_item("i", "1", ()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(collector.accepted(), [["e1"], ["i"]]);
    track(&tracker, "e2").await.unwrap();
    track(&tracker, "e3").await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(collector.accepted().concat(), ["e1", "i", "e2", "e3"]);
}

#[tokio::test(start_paused = true)]
async fn close_returns_at_its_deadline_and_counts_what_is_left_as_dropped() {
    for answer in [Answer::Never, Answer::Lost, Answer::Status(503)] {
        for background in [false, true] {
            let collector = Collector::new(move |_, _| answer);
            let builder = collector.tracker().request_timeout(MINUTE);
            let tracker = if background {
                builder.delivery(Asynchronous::default())
            } else {
                builder.delivery(Buffered::default())
            };
            let tracker = tracker.build().unwrap();
            track(&tracker, "e").await.unwrap();
            track(&tracker, "f").await.unwrap();
            let began = Instant::now();
            let report = tracker.close(Duration::from_secs(5)).await;
            assert!(began.elapsed() <= Duration::from_secs(5), "{answer:?}");
            assert!(report.error.is_some());
            assert_eq!((report.waiting, report.counts.dropped), (0, 2));
            let late = track(&tracker, "g").await;
            assert!(matches!(late, Err(Error::Closed)));
            // Once more: there is nothing to do.
            assert!(tracker.close(MINUTE).await.is_complete());
            let requests = collector.requests().len();
            sleep(MINUTE * 10).await;
            assert_eq!(collector.requests().len(), requests, "sent after a close");
        }
    }
}

#[test]
fn dropping_the_last_clone_sends_what_waits() {
    for background in [false, true] {
        let collector = Collector::kind();
        let builder = collector.builder();
        let tracker = if background {
            // Nothing leaves by itself for as long as the test may take.
            builder.delivery(Asynchronous::default().with_flush_after(MINUTE * 60))
        } else {
            builder.delivery(Buffered::default())
        };
        let tracker = tracker.close_wait(MINUTE).build().unwrap();
        let clone = tracker.clone();
        let identity = Identity::anonymous("a");
        tracker
            .track_custom_event("e", identity, ())
            .wait()
            .unwrap();
        drop(tracker);
        assert!(collector.requests().is_empty());
        drop(clone);
        assert_eq!(collector.accepted(), [["e"]]);
    }
}

#[test]
fn dropping_a_tracker_whose_collector_never_answers_comes_to_an_end() {
    let collector = Collector::new(|_, _| Answer::Never);
    let tracker = collector
        .builder()
        .delivery(Asynchronous::default())
        .close_wait(Duration::from_millis(20))
        .build()
        .unwrap();
    let identity = Identity::anonymous("a");
    tracker
        .track_custom_event("e", identity, ())
        .wait()
        .unwrap();
    drop(tracker);
}

/// A tracker in front of a collector that is away, with room for three events.
fn small(collector: &Collector, overflow: Overflow) -> growingio_tracker::Tracker {
    let delivery = Asynchronous::default()
        .with_max_bytes(700)
        .with_overflow(overflow);
    let builder = collector.tracker().retry(no_retry()).delivery(delivery);
    builder.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_refuses_by_default_and_takes_again_when_there_is_room() {
    let collector = Collector::kind();
    let tracker = small(&collector, Overflow::Refuse);
    let mut taken = 0;
    let error = loop {
        match track(&tracker, "e").await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full { waiting_bytes } if waiting_bytes <= 700));
    assert!(!error.is_taken() && error.is_retryable());
    assert!(tracker.flush(MINUTE).await.is_complete());
    track(&tracker, "again").await.unwrap();
    assert!(tracker.close(MINUTE).await.is_complete());
    assert_eq!(collector.accepted().concat().len(), taken + 1);
    assert_eq!(tracker.counts().dropped, 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_drops_the_oldest_or_the_newest_and_counts_them() {
    for (overflow, kept) in [
        (Overflow::DropNewest, ["e0", "e1", "e2"]),
        (Overflow::DropOldest, ["e7", "e8", "e9"]),
    ] {
        let collector = Collector::kind();
        let tracker = small(&collector, overflow);
        for number in 0..10 {
            track(&tracker, &format!("e{number}")).await.unwrap();
        }
        assert!(tracker.close(MINUTE).await.is_complete());
        assert_eq!(collector.accepted().concat(), kept, "{overflow:?}");
        let counts = tracker.counts();
        assert_eq!((counts.tracked, counts.dropped), (10, 7), "{overflow:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_may_wait_for_room() {
    let collector = Collector::new(|number, _| match number {
        0 => Answer::Status(503),
        _ => Answer::Status(200),
    });
    let tracker = small(&collector, Overflow::Wait(Duration::from_secs(5)));
    for number in 0..10 {
        track(&tracker, &format!("e{number}")).await.unwrap();
    }
    assert!(tracker.close(MINUTE).await.is_complete());
    let wanted: Vec<_> = (0..10).map(|number| format!("e{number}")).collect();
    assert_eq!(collector.accepted().concat(), wanted);

    let away = Collector::new(|_, _| Answer::Lost);
    let tracker = small(&away, Overflow::Wait(Duration::from_secs(5)));
    for _ in 0..3 {
        track(&tracker, "e").await.unwrap();
    }
    let began = Instant::now();
    let error = track(&tracker, "late").await.unwrap_err();
    assert!(matches!(error, Error::Full { .. }));
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_its_message_in_the_buffer() {
    let collector = Collector::new(|number, _| match number {
        0 => Answer::Never,
        _ => Answer::Status(200),
    });
    let delivery = Buffered::default().with_max_size(2);
    let tracker = collector.tracker().delivery(delivery).build().unwrap();
    track(&tracker, "e").await.unwrap();
    drop(tracker.track_custom_event("f", Identity::anonymous("a"), ()));
    assert_eq!(tracker.counts().waiting(), 2);
    assert!(tracker.flush(MINUTE).await.is_complete());
    assert_eq!(collector.accepted(), [["e", "f"]]);
    assert_eq!(names(&collector.requests()[0]), ["e", "f"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_does_not_end_delivery() {
    let collector = dislikes("bad");
    let tracker = collector
        .tracker()
        .on_dead_letter(|_| panic!("the user's code"))
        .delivery(Asynchronous::default())
        .build()
        .unwrap();
    track(&tracker, "bad").await.unwrap();
    tracker.flush(MINUTE).await;
    track(&tracker, "good").await.unwrap();
    assert!(tracker.close(MINUTE).await.is_complete());
    assert_eq!(collector.accepted(), [["good"]]);
}
