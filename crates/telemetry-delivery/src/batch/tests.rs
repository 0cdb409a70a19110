//! Promises whose breach takes the inside to bring about: a clock that does not wait, a disk that
//! panics.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::spool::{Fsync, Record, Spool, SpoolConfig};

const LONG: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);

fn spooling(root: &TempDir) -> BatchConfig {
    BatchConfig::default()
        .with_linger(MS)
        .with_backoff(crate::Backoff::new(MS, MS))
        .with_spool(
            root.path(),
            SpoolConfig::default().with_fsync(Fsync::System),
        )
}

fn start(config: BatchConfig, sink: &Collect) -> (Batcher, Guard, Lane) {
    let sink = sink.clone();
    let (batcher, guard) = Batcher::start(config, move || sink.clone()).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    (batcher, guard, lane)
}

/// Panics as long as it is told to.
fn panicking(config: &mut BatchConfig) -> (Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (on, times) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    config.on_write = Some({
        let (on, times) = (Arc::clone(&on), Arc::clone(&times));
        Arc::new(move || {
            if on.load(Ordering::Relaxed) {
                times.fetch_add(1, Ordering::Relaxed);
                panic!("an expected panic of a test");
            }
        })
    });
    (on, times)
}

#[test]
fn an_idle_process_takes_over_what_another_one_leaves() {
    let root = TempDir::new().unwrap();
    let mut config = spooling(&root);
    config.paused = true;
    let sink = Collect::new();
    let (_batcher, _guard, _lane) = start(config, &sink);
    let mut other = Spool::open(root.path(), SpoolConfig::default()).unwrap();
    let record = Record {
        lane: b"lane",
        ends: &[4],
        bytes: b"left",
    };
    let _in_memory = other.append(record).unwrap();
    drop(other);
    assert!(sink.wait_for_items(1, LONG));
    assert_eq!(sink.items(), [b"left"]);
}

#[test]
fn a_panic_while_writing_costs_no_item_and_not_the_thread() {
    let root = TempDir::new().unwrap();
    let mut config = spooling(&root)
        .with_memory_bytes(64 << 10)
        .with_batch_bytes(4 << 10)
        .with_overflow(Overflow::Spill(LONG));
    config.paused = true;
    let (on, times) = panicking(&mut config);
    let closed = Arc::new(AtomicBool::new(true));
    let sink = Collect::answering({
        let closed = Arc::clone(&closed);
        move |_| match closed.load(Ordering::Relaxed) {
            true => Delivery::again("closed"),
            false => Delivery::Delivered,
        }
    });
    let (batcher, guard, lane) = start(config, &sink);
    // More than half of the memory, so that some are to be written.
    for _ in 0..80 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
    while times.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    on.store(false, Ordering::Relaxed);
    for _ in 0..400 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
    closed.store(false, Ordering::Relaxed);
    batcher.flush_blocking(LONG).unwrap();
    assert_eq!(sink.items().len(), 480);
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.delivered, 480, "{report:?}");
    assert!(report.total.panics > 0);
}

#[test]
fn a_disk_that_panics_again_and_again_is_given_up_and_items_go_on() {
    let root = TempDir::new().unwrap();
    let mut config = spooling(&root).with_spool(
        root.path(),
        SpoolConfig::default().with_fsync(Fsync::EveryRecord),
    );
    let (_on, times) = panicking(&mut config);
    let sink = Collect::new();
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..5 {
        // Taken in; who appends is told, and not kept waiting.
        assert_eq!(batcher.append(lane, b"item"), Err(Rejected::NotStored));
    }
    assert_eq!(times.load(Ordering::Relaxed), 3);
    let report = guard.close_blocking(LONG);
    assert_eq!((report.total.delivered, report.dropped), (5, 0));
    assert_eq!(report.total.panics, 3);
}

#[test]
fn closing_keeps_its_deadline_and_counts_every_item_when_the_disk_panics() {
    let root = TempDir::new().unwrap();
    let mut config = spooling(&root);
    let _always = panicking(&mut config);
    let sink = Collect::answering(|_| Delivery::again("closed"));
    let (batcher, guard, lane) = start(config, &sink);
    let receipt = batcher.append_with_receipt(lane, b"item").unwrap();
    let report = guard.close_blocking(50 * MS);
    assert_eq!((report.dropped, report.total.in_memory_items), (1, 0));
    let outcome = receipt.outcome();
    assert_eq!(outcome, Some(Outcome::Dropped(DropReason::ShutDown)));
}

/// Panics wherever it is made, so that the worker never runs.
#[test]
fn a_sink_that_can_never_be_made_does_not_keep_closing_waiting() {
    struct Never;
    impl Sink for Never {
        async fn deliver(&self, _: &Sealed) -> Delivery {
            Delivery::Delivered
        }
    }
    let root = TempDir::new().unwrap();
    let mut config = spooling(&root);
    let (_on, times) = panicking(&mut config);
    let make = || -> Never { panic!("an expected panic of a test") };
    let (batcher, guard) = Batcher::start(config, make).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"item").unwrap();
    // Asked for the disk by closing, and panicking in what follows a panic.
    let report = guard.close_blocking(50 * MS);
    assert_eq!((report.dropped, report.total.in_memory_items), (1, 0));
    assert!(report.total.panics > 0);
    assert!(times.load(Ordering::Relaxed) <= 3);
}
