//! Items in, batches out.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;

use telemetry_delivery::ConfigError;
use telemetry_delivery::batch::{
    BatchConfig, BatchHead, Batcher, Collect, Delivery, LaneConfig, Rejected, Sealed, Sink,
    StartError, TooManyLanes,
};

use super::{LONG, MS, config, patient, start, texts};

#[test]
fn a_setting_that_cannot_work_is_refused_at_the_start() {
    for config in [
        BatchConfig::default().with_batch_bytes(0),
        BatchConfig::default().with_batch_bytes(2 << 30),
        BatchConfig::default().with_memory_bytes(100),
        BatchConfig::default().with_memory_items(0),
        BatchConfig::default().with_max_in_flight(0),
        BatchConfig::default().with_shards(0),
        BatchConfig::default().with_max_lanes(0),
    ] {
        let refused = Batcher::start(config, Collect::new).unwrap_err();
        assert!(
            matches!(refused, StartError::Config(ConfigError::OutOfRange { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn an_item_goes_after_its_linger_time_without_anybodys_help() {
    let sink = Collect::new();
    let (batcher, _guard, lane) = start(config(), &sink);
    batcher.append(lane, b"one").unwrap();
    assert!(sink.wait_for_items(1, LONG));
    // After a rest, too.
    batcher.append(lane, b"two").unwrap();
    assert!(sink.wait_for_items(2, LONG));
    assert_eq!(texts(&sink.items()), ["one", "two"]);
}

#[test]
fn a_full_buffer_goes_at_once() {
    let sink = Collect::new();
    let (batcher, _guard, lane) = start(patient().with_batch_items(3), &sink);
    for item in ["a", "b", "c", "d"] {
        batcher.append(lane, item.as_bytes()).unwrap();
    }
    assert!(sink.wait_for_items(3, LONG));
    assert_eq!(texts(&sink.items()), ["a", "b", "c"]);
}

#[test]
fn no_batch_is_larger_than_allowed() {
    let sink = Collect::new();
    let (batcher, guard, lane) = start(patient().with_batch_bytes(100), &sink);
    for size in [40, 40, 40, 100, 1, 99, 1] {
        batcher.append(lane, &vec![b'x'; size]).unwrap();
    }
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.delivered, 7);
    for batch in sink.batches() {
        assert!(batch.concat().len() <= 100, "{batch:?}");
    }
}

#[test]
fn items_of_two_lanes_do_not_travel_together() {
    let sink = Collect::new();
    let (batcher, guard, one) = start(patient(), &sink);
    let two = batcher.lane(LaneConfig::new("two")).unwrap();
    for n in 0..10 {
        let lane = if n % 2 == 0 { one } else { two };
        batcher.append(lane, &[n]).unwrap();
    }
    guard.close_blocking(LONG);
    let mut batches = sink.batches();
    batches.sort();
    assert_eq!(
        batches,
        [
            [[0], [2], [4], [6], [8]].map(Vec::from).to_vec(),
            [[1], [3], [5], [7], [9]].map(Vec::from).to_vec()
        ]
    );
}

#[test]
fn empty_items_count_like_others() {
    // An empty first item left its buffer without memory, and was forgotten with it.
    let sink = Collect::new();
    let (batcher, guard, lane) = start(patient(), &sink);
    for item in ["", "", "a", ""] {
        batcher.append(lane, item.as_bytes()).unwrap();
    }
    guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items()), ["", "", "a", ""]);
}

#[test]
fn a_lane_is_known_by_its_name() {
    let (batcher, _guard, lane) = start(config().with_max_lanes(2), &Collect::new());
    assert_eq!(batcher.lane(LaneConfig::new("lane")).unwrap(), lane);
    let other = batcher.lane(LaneConfig::new("other")).unwrap();
    assert_ne!(other, lane);
    assert_eq!(
        batcher.lane(LaneConfig::new("third")).unwrap_err(),
        TooManyLanes { limit: 2 }
    );
    let (stranger, _guard, _) = start(config(), &Collect::new());
    assert_eq!(
        stranger.append(other, b"x").unwrap_err(),
        Rejected::NoSuchLane
    );
}

#[test]
fn nothing_is_lost_or_doubled_between_many_threads() {
    let sink = Collect::new();
    let config = config().with_batch_items(100).with_shards(4);
    let (batcher, guard, lane) = start(config, &sink);
    thread::scope(|scope| {
        for thread in 0..8u32 {
            let batcher = &batcher;
            scope.spawn(move || {
                for n in 0..1000u32 {
                    let item = (thread * 1000 + n).to_le_bytes();
                    batcher.append(lane, &item).unwrap();
                    if n % 250 == 0 {
                        batcher.flush_blocking(LONG).unwrap();
                    }
                }
            });
        }
    });
    let report = guard.close_blocking(LONG);
    let items = sink.items();
    let distinct: HashSet<_> = items.iter().collect();
    assert_eq!((items.len(), distinct.len()), (8000, 8000));
    assert_eq!(report.total.delivered, 8000);
    assert_eq!(report.total.accepted, 8000);
    assert_eq!(report.total.in_memory_items, 0);
    assert_eq!(report.total.in_memory_bytes, 0);
}

#[test]
fn an_ordered_lane_keeps_its_order_through_failures() {
    let sink = Collect::answering(|batch| match (batch.number() % 3, batch.attempt()) {
        (0, 1) => Delivery::again("busy"),
        (1, 1) => Delivery::TooLarge,
        _ => Delivery::Delivered,
    });
    let (batcher, guard, _) = start(config().with_batch_items(4), &sink);
    let ordered = LaneConfig::new("ordered").with_order(true);
    let lane = batcher.lane(ordered).unwrap();
    let items: Vec<Vec<u8>> = (0..200u32).map(|n| n.to_be_bytes().to_vec()).collect();
    for item in &items {
        batcher.append(lane, item).unwrap();
    }
    guard.close_blocking(LONG);
    assert_eq!(sink.items(), items);
}

#[test]
fn flushing_waits_for_all_that_was_appended_before_and_can_be_repeated() {
    let sink = Collect::answering(|batch| match batch.attempt() {
        1 => Delivery::again("busy"),
        _ => Delivery::Delivered,
    });
    let (batcher, _guard, lane) = start(patient(), &sink);
    for count in 1..=5 {
        batcher.append(lane, b"x").unwrap();
        batcher.flush_blocking(LONG).unwrap();
        assert_eq!(sink.items().len(), count);
    }
    // With nothing to do.
    batcher.flush_blocking(LONG).unwrap();
}

#[test]
fn a_flush_that_takes_too_long_loses_nothing() {
    let sink = Collect::answering(|_| Delivery::again("down"));
    let (batcher, guard, lane) = start(patient(), &sink);
    batcher.append(lane, b"x").unwrap();
    assert!(batcher.flush_blocking(5 * MS).is_err());
    assert_eq!(batcher.stats().in_memory_items, 1);
    guard.close_blocking(MS);
}

#[tokio::test(flavor = "current_thread")]
async fn flush_receipts_and_close_work_on_a_current_thread_runtime() {
    let sink = Collect::new();
    let (batcher, guard, lane) = start(patient(), &sink);
    let receipt = batcher.append_async(lane, b"one").await.unwrap();
    batcher.flush(LONG).await.unwrap();
    assert_eq!(receipt.await, telemetry_delivery::batch::Outcome::Delivered);
    batcher.append(lane, b"two").unwrap();
    let report = guard.close(LONG).await;
    assert_eq!((report.delivered, report.total.delivered), (1, 2));
}

#[test]
fn what_follows_the_items_is_appended_once() {
    struct Tail(Collect);
    impl Sink for Tail {
        async fn deliver(&self, batch: &Sealed) -> Delivery {
            assert_eq!(batch.body(), b"abctail lane 0 with 2");
            assert_eq!(batch.bytes(), b"abc");
            self.0.deliver(batch).await
        }

        fn trailer(&self, batch: BatchHead<'_>, out: &mut Vec<u8>) {
            let name = std::str::from_utf8(batch.lane_name).unwrap();
            let text = format!("tail {name} {} with {}", batch.number, batch.items);
            out.extend_from_slice(text.as_bytes());
        }
    }
    let collect = Collect::answering(|batch| match batch.attempt() {
        1 => Delivery::again("busy"),
        _ => Delivery::Delivered,
    });
    let sink = collect.clone();
    let (batcher, guard) = Batcher::start(patient(), move || Tail(sink.clone())).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"a").unwrap();
    batcher.append(lane, b"bc").unwrap();
    guard.close_blocking(LONG);
    assert_eq!(collect.attempts(), 2);
    assert_eq!(texts(&collect.items()), ["a", "bc"]);
}

#[test]
fn what_a_sink_prepares_is_kept_for_the_next_attempt() {
    #[derive(Clone)]
    struct Prepares(Arc<std::sync::atomic::AtomicUsize>);
    impl Sink for Prepares {
        async fn deliver(&self, batch: &Sealed) -> Delivery {
            let length = batch.prepare(|batch| {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                batch.bytes().len()
            });
            assert_eq!(length, 3);
            match batch.attempt() {
                1 | 2 => Delivery::again("busy"),
                _ => Delivery::Delivered,
            }
        }
    }
    let sink = Prepares(Arc::default());
    let made = sink.clone();
    let (batcher, guard) = Batcher::start(config(), move || made.clone()).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    batcher.append(lane, b"abc").unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!((report.delivered, report.total.attempts), (1, 3));
    assert_eq!(sink.0.load(std::sync::atomic::Ordering::Relaxed), 1);
}
