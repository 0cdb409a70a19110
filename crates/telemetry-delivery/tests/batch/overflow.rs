//! What happens when there is no room.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use telemetry_delivery::batch::{
    Collect, DeadReason, Delivery, DropReason, Event, LaneConfig, Overflow, Rejected,
};

use super::{LONG, MS, config, patient, start, texts};

/// Takes nothing.
fn stalled() -> Collect {
    Collect::answering(|_| Delivery::again("down"))
}

#[test]
fn the_newest_is_refused_and_counted() {
    let config = patient().with_memory_items(3);
    let (batcher, guard, lane) = start(config, &stalled());
    for item in ["a", "b", "c"] {
        batcher.append(lane, item.as_bytes()).unwrap();
    }
    for _ in 0..4 {
        assert_eq!(batcher.append(lane, b"d"), Err(Rejected::Full));
    }
    let stats = batcher.stats();
    assert_eq!(stats.dropped.of(DropReason::Full), 4);
    assert_eq!((stats.accepted, stats.in_memory_items), (3, 3));
    guard.close_blocking(Duration::ZERO);
}

#[test]
fn bytes_in_memory_never_exceed_the_budget() {
    let config = patient().with_batch_bytes(1000).with_memory_bytes(20_000);
    let (batcher, guard, lane) = start(config, &stalled());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for size in (0..2000).map(|n| n % 190) {
                    let _ = batcher.append(lane, &vec![0; size]);
                    assert!(batcher.stats().in_memory_bytes <= 20_000);
                }
            });
        }
    });
    let report = guard.close_blocking(Duration::ZERO);
    let total = report.total;
    assert_eq!(total.accepted + total.dropped.of(DropReason::Full), 8000);
    assert_eq!(total.accepted, report.dropped);
    assert!(total.accepted > 0);
    assert_eq!(total.in_memory_bytes, 0);
}

#[test]
fn many_lanes_find_room_while_most_of_the_memory_is_free() {
    let config = patient()
        .with_memory_items(40_960)
        .with_memory_bytes(32 << 20);
    let (batcher, guard, _) = start(config, &stalled());
    for n in 0..1000 {
        let lane = batcher.lane(LaneConfig::new(format!("lane {n}"))).unwrap();
        batcher.append(lane, &[0; 100]).unwrap();
    }
    let report = guard.close_blocking(Duration::ZERO);
    assert_eq!(report.dropped, 1000);
}

#[test]
fn where_every_item_is_a_batch_the_budget_counts_what_a_batch_takes() {
    let config = patient()
        .with_batch_items(1)
        .with_batch_bytes(1000)
        .with_memory_bytes(100_000);
    let (batcher, guard, lane) = start(config, &stalled());
    let taken = (0..1000)
        .filter(|_| batcher.append(lane, b"item").is_ok())
        .count();
    // Half a kilobyte each, and not the twelve bytes of the item.
    assert!((100..=200).contains(&taken), "{taken}");
    guard.close_blocking(Duration::ZERO);
}

#[test]
fn the_oldest_makes_room_for_the_newest() {
    let config = patient()
        .with_batch_items(2)
        .with_memory_items(6)
        .with_max_in_flight(1)
        .with_overflow(Overflow::DropOldest);
    let sink = stalled();
    let (batcher, guard, lane) = start(config, &sink);
    let first = batcher.append_with_receipt(lane, b"0").unwrap();
    for n in 1..100u8 {
        batcher.append(lane, &[n]).unwrap();
    }
    let stats = batcher.stats();
    assert_eq!(stats.accepted, 100);
    assert!(stats.in_memory_items <= 6);
    assert_eq!(stats.dropped.of(DropReason::Oldest), stats.lost);
    assert_eq!(stats.lost + stats.in_memory_items, 100);
    drop(first);
    guard.close_blocking(Duration::ZERO);
}

#[test]
fn what_is_under_way_is_not_dropped_as_the_oldest() {
    let config = patient()
        .with_batch_items(1)
        .with_memory_items(4)
        .with_overflow(Overflow::DropOldest);
    let sink = Collect::new();
    let (batcher, guard, lane) = start(config, &sink);
    for n in 0..50_000u32 {
        let _ = batcher.append(lane, &n.to_le_bytes());
    }
    let total = guard.close_blocking(LONG).total;
    assert_eq!(sink.items().len() as u64, total.delivered);
    assert_eq!(total.delivered + total.dropped.total(), 50_000);
}

#[test]
fn a_caller_waits_for_room_and_gets_it() {
    let config = patient()
        .with_batch_items(1)
        .with_memory_items(1)
        .with_overflow(Overflow::Wait(LONG));
    let sink = Collect::new();
    let (batcher, guard, lane) = start(config, &sink);
    for n in 0..50u8 {
        batcher.append(lane, &[n]).unwrap();
    }
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.delivered, 50);
    assert_eq!(report.total.dropped.total(), 0);
}

#[test]
fn a_caller_waits_no_longer_than_allowed() {
    let config = patient()
        .with_memory_items(1)
        .with_overflow(Overflow::Wait(5 * MS));
    let (batcher, guard, lane) = start(config, &stalled());
    batcher.append(lane, b"a").unwrap();
    assert_eq!(batcher.append(lane, b"b"), Err(Rejected::Full));
    assert_eq!(batcher.try_append(lane, b"b"), Err(Rejected::Full));
    assert_eq!(batcher.stats().dropped.of(DropReason::Full), 2);
    guard.close_blocking(Duration::ZERO);
}

#[tokio::test(flavor = "current_thread")]
async fn waiting_for_room_blocks_no_runtime() {
    let config = patient()
        .with_memory_items(1)
        .with_overflow(Overflow::Wait(20 * MS));
    let (batcher, guard, lane) = start(config, &stalled());
    batcher.append(lane, b"a").unwrap();
    let (refused, ran) = tokio::join!(batcher.append_async(lane, b"b"), async { true });
    assert!(ran);
    assert_eq!(refused.unwrap_err(), Rejected::Full);
    guard.close(Duration::ZERO).await;
}

#[test]
fn half_empty_buffers_are_sent_when_there_is_no_room() {
    // Nothing would be sealed for an hour, while all the room is in buffers.
    let sink = Collect::new();
    let config = patient()
        .with_memory_items(5)
        .with_overflow(Overflow::Wait(LONG));
    let (batcher, guard, lane) = start(config, &sink);
    for n in 0..20u8 {
        batcher.append(lane, &[n]).unwrap();
    }
    assert!(sink.wait_for_items(5, LONG));
    guard.close_blocking(LONG);
    assert_eq!(sink.items().len(), 20);
}

#[test]
fn an_oversized_item_becomes_a_dead_letter_and_the_rest_goes_on() {
    let letters: Arc<Mutex<Vec<(usize, DeadReason)>>> = Arc::default();
    let kept = Arc::clone(&letters);
    let config = config()
        .with_item_bytes(10)
        .with_dead_letters(move |letter| {
            let size = letter.batch.bytes().len();
            kept.lock().unwrap().push((size, letter.reason.clone()));
        });
    let sink = Collect::new();
    let (batcher, guard, lane) = start(config, &sink);
    batcher.append(lane, b"ten bytes.").unwrap();
    assert_eq!(
        batcher.append(lane, b"eleven byte"),
        Err(Rejected::Oversized)
    );
    let report = guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items()), ["ten bytes."]);
    assert_eq!(*letters.lock().unwrap(), [(11, DeadReason::Oversized)]);
    assert_eq!(report.total.dead_lettered, 1);
    assert_eq!(report.total.dropped.total(), 0);
}

#[test]
fn an_oversized_item_that_nobody_takes_is_counted_as_dropped() {
    let (batcher, guard, lane) = start(config().with_item_bytes(1), &Collect::new());
    assert_eq!(batcher.append(lane, b"ab"), Err(Rejected::Oversized));
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.dropped.of(DropReason::Oversized), 1);
}

#[test]
fn drops_are_told_of_and_the_stream_can_say_so_itself() {
    let told: Arc<Mutex<u64>> = Arc::default();
    let kept = Arc::clone(&told);
    let config = patient().with_memory_items(1).with_on_event(move |event| {
        if let Event::Dropped { since, .. } = event {
            *kept.lock().unwrap() += since.total();
        }
    });
    let sink = Collect::new();
    let (batcher, guard, lane) = start(config, &sink);
    batcher.append(lane, b"a").unwrap();
    assert_eq!(batcher.append(lane, b"b"), Err(Rejected::Full));
    // The lack of room has the worker send what is there.
    assert!(sink.wait_for_items(1, LONG));
    guard.close_blocking(LONG);
    assert_eq!(*told.lock().unwrap(), 1);
}

#[test]
fn closing_tells_of_every_drop_also_of_those_right_after_others() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = Mutex::new(tell);
    let config = patient().with_item_bytes(1).with_on_event(move |event| {
        if let Event::Dropped { since, .. } = event {
            tell.lock().unwrap().send(since.total()).unwrap();
        }
    });
    let (batcher, guard, lane) = start(config, &Collect::new());
    assert_eq!(batcher.append(lane, b"ab"), Err(Rejected::Oversized));
    assert_eq!(told.recv_timeout(LONG).unwrap(), 1);
    for _ in 0..3 {
        assert_eq!(batcher.append(lane, b"ab"), Err(Rejected::Oversized));
    }
    guard.close_blocking(LONG);
    assert_eq!(told.try_iter().sum::<u64>(), 3);
}

#[test]
fn drops_are_told_of_while_a_batch_hangs_and_while_the_worker_rests() {
    use telemetry_delivery::batch::{Batcher, Sealed, Sink};

    struct Hangs;
    impl Sink for Hangs {
        async fn deliver(&self, _: &Sealed) -> Delivery {
            std::future::pending().await
        }
    }
    let (tell, told) = std::sync::mpsc::channel();
    let tell = Mutex::new(tell);
    let config = patient()
        .with_memory_items(1)
        .with_item_bytes(10)
        .with_on_event(move |event| {
            if let Event::Dropped { since, .. } = event {
                tell.lock().unwrap().send(*since).unwrap();
            }
        });
    let (batcher, guard) = Batcher::start(config, || Hangs).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    assert_eq!(
        batcher.append(lane, b"much too large"),
        Err(Rejected::Oversized)
    );
    assert_eq!(told.recv_timeout(LONG).unwrap().oversized, 1);
    batcher.append(lane, b"a").unwrap();
    for _ in 0..2 {
        // The second one finds a worker that has nothing else to wake up for.
        assert_eq!(batcher.append(lane, b"b"), Err(Rejected::Full));
        assert_eq!(told.recv_timeout(LONG).unwrap().full, 1);
    }
    guard.close_blocking(Duration::ZERO);
}
