//! What waits survives the process.

#![cfg(feature = "spool")]
#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]
#![expect(dead_code, reason = "each test uses a part of the support")]

mod support;

use std::time::Duration;

use growingio_codecs::Protobuf;
use growingio_tracker::{
    Asynchronous, Buffered, Fsync, Retry, SpoolConfig, Tracker, TrackerBuilder,
};
use support::{Answer, Collector, MINUTE, track};
use tempfile::TempDir;

/// A folder of a test's own, removed in the end.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn keep(&self, builder: TrackerBuilder) -> TrackerBuilder {
        let config = SpoolConfig::default().with_fsync(Fsync::System);
        builder
            .retry(Retry::default().with_limit(0))
            .spool(self.0.path(), config)
    }
}

fn away() -> Collector {
    Collector::new(|_, _| Answer::Lost)
}

async fn track_all(tracker: &Tracker, count: usize) {
    for number in 0..count {
        track(tracker, &format!("e{number}")).await.unwrap();
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("e{number}")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_close_leaves_is_sent_by_the_next_tracker() {
    let folder = Folder::new();
    let builder = folder.keep(away().tracker());
    let tracker = builder.delivery(Asynchronous::default()).build().unwrap();
    track_all(&tracker, 5).await;
    tracker.submit_item("i", "1", ()).await.unwrap();
    let report = tracker.close(Duration::from_secs(5)).await;
    assert_eq!((report.counts.spooled, report.counts.dropped), (6, 0));
    assert_eq!((report.counts.tracked, report.waiting), (6, 0));

    let collector = Collector::kind();
    // Written as JSON, sent as protobuf.
    let builder = folder.keep(collector.tracker()).codec(Protobuf);
    let next = builder.delivery(Asynchronous::default()).build().unwrap();
    assert_eq!(next.counts().waiting(), 6);
    assert!(next.close(MINUTE).await.is_complete());
    assert_eq!(collector.accepted(), [names(5), vec!["i".to_owned()]]);
    assert_eq!(next.counts().delivered, 6);

    let collector = Collector::kind();
    let builder = folder.keep(collector.tracker());
    let third = builder.delivery(Asynchronous::default()).build().unwrap();
    assert!(third.close(MINUTE).await.is_complete());
    assert!(collector.requests().is_empty(), "sent twice");
}

#[tokio::test(start_paused = true)]
async fn left_overs_are_sent_without_a_call() {
    let folder = Folder::new();
    let builder = folder.keep(away().tracker());
    let tracker = builder.delivery(Buffered::default()).build().unwrap();
    track_all(&tracker, 3).await;
    tracker.close(Duration::from_secs(1)).await;

    let collector = Collector::kind();
    let builder = folder.keep(collector.tracker());
    let next = builder.delivery(Asynchronous::default()).build().unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(collector.accepted(), [names(3)]);
    drop(next);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_room_in_memory_waits_on_disk_in_order() {
    let folder = Folder::new();
    let collector = Collector::new(|number, _| match number {
        0..5 => Answer::Status(503),
        _ => Answer::Status(200),
    });
    // Room for about eight in memory.
    let delivery = Asynchronous::default().with_max_bytes(2000);
    let builder = folder.keep(collector.tracker()).delivery(delivery);
    let tracker = builder.build().unwrap();
    track_all(&tracker, 100).await;
    assert_eq!(tracker.counts().waiting(), 100);
    let report = tracker.close(Duration::from_secs(600)).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(collector.accepted().concat(), names(100));
    assert_eq!((report.counts.delivered, report.counts.dropped), (100, 0));
}

#[test]
fn a_spool_is_for_strategies_that_wait() {
    let folder = Folder::new();
    let error = folder.keep(away().builder()).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "spool cannot be used: nothing waits with this strategy"
    );
}
