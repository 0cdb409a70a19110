//! What does not fit into memory moves to disk and comes back.

use std::fs;
use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};

use telemetry_delivery::Backoff;
use telemetry_delivery::batch::{
    BatchConfig, Batcher, Collect, Delivery, Event, Guard, LaneConfig, Outcome, Overflow, Rejected,
};
use telemetry_delivery::spool::{Fsync, SpoolConfig};

use super::spool::{Root, gate, next_delivers, spooling};
use super::*;

fn spilling(root: &Root) -> BatchConfig {
    spooling(root)
        .with_memory_bytes(256 << 10)
        .with_batch_bytes(16 << 10)
        .with_overflow(Overflow::Spill(LONG))
}

/// Eight times as much as there is memory for.
fn a_thousand_items(root: &Root, sink: &Collect) -> (Batcher, Guard) {
    let config = spilling(root)
        .with_memory_bytes(64 << 10)
        .with_batch_bytes(4 << 10);
    let (batcher, guard, lane) = start(config, sink);
    for _ in 0..1000 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
    (batcher, guard)
}

#[test]
fn items_beyond_memory_wait_on_disk_and_come_back_in_order() {
    let root = Root::new();
    let (sink, open) = gate();
    let config = spilling(&root);
    let (batcher, guard) = Batcher::start(config, {
        let sink = sink.clone();
        move || sink.clone()
    })
    .unwrap();
    let ordered = batcher
        .lane(LaneConfig::new("ordered").with_order(true))
        .unwrap();
    let count = 8000_u32;
    for n in 0..count {
        let mut item = n.to_be_bytes().to_vec();
        item.resize(500, b'x');
        batcher.append(ordered, &item).unwrap();
        if n % 100 == 0 {
            let stats = batcher.stats();
            assert!(stats.in_memory_bytes <= 256 << 10, "{stats:?}");
        }
        if n == 5000 {
            assert!(batcher.stats().spooled > 1000);
            // From now on some go out while others come in.
            open.store(true, Ordering::Relaxed);
        }
    }
    let spilled = batcher.stats();
    assert_eq!(spilled.dropped.total(), 0);
    // Waits for what is on disk only, too.
    batcher.flush_blocking(LONG).unwrap();
    assert_eq!(batcher.stats().delivered, u64::from(count));
    let report = guard.close_blocking(LONG);
    assert_eq!((report.spooled, report.total.lost), (0, 0), "{report:?}");
    let numbers: Vec<u32> = sink
        .items()
        .iter()
        .map(|item| u32::from_be_bytes(*item.first_chunk().unwrap()))
        .collect();
    // The first that is not where it belongs.
    let wrong = numbers.iter().zip(0..).find(|(is, at)| **is != *at);
    assert_eq!((wrong, numbers.len()), (None, count as usize));
    assert!(root.is_empty());
}

#[test]
fn flushing_does_not_wait_for_what_is_appended_later_and_keeps_spilling() {
    let root = Root::new();
    // Delivers what begins below this number.
    let upto = Arc::new(AtomicUsize::new(0));
    let number = |item: &[u8]| u32::from_be_bytes(*item.first_chunk().unwrap()) as usize;
    let sink = Collect::answering({
        let upto = Arc::clone(&upto);
        move |batch| match number(batch.bytes()) < upto.load(Ordering::Relaxed) {
            true => Delivery::Delivered,
            false => Delivery::again("closed"),
        }
    });
    let config = spilling(&root);
    let (batcher, guard, lane) = start(config, &sink);
    let append = |numbers: std::ops::Range<u32>| {
        for n in numbers {
            let mut item = n.to_be_bytes().to_vec();
            item.resize(500, b'x');
            batcher.append(lane, &item).unwrap();
        }
    };
    append(0..3000);
    assert!(batcher.stats().spooled > 1000);

    let mut flush = std::pin::pin!(batcher.flush(LONG));
    let mut context = Context::from_waker(Waker::noop());
    assert!(flush.as_mut().poll(&mut context).is_pending());
    append(3000..6000);
    upto.store(3000, Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(flush).unwrap();
    let delivered = sink.items().iter().filter(|it| number(it) < 3000).count();
    assert_eq!(delivered, 3000);
    let stats = batcher.stats();
    assert!(stats.spooled > 0, "{stats:?}");
    let report = guard.close_blocking(MS);
    assert_eq!(report.total.delivered + report.spooled, 6000, "{report:?}");
}

#[test]
fn closing_leaves_on_disk_what_is_only_there() {
    let root = Root::new();
    let (sink, open) = gate();
    let (batcher, guard) = a_thousand_items(&root, &sink);
    assert!(batcher.stats().spooled > 500);
    open.store(true, Ordering::Relaxed);
    let begun = tokio::time::Instant::now();
    let report = guard.close_blocking(LONG);
    assert!(begun.elapsed() < LONG / 2);
    assert_eq!(report.total.delivered + report.spooled, 1000, "{report:?}");
}

#[test]
fn closing_ends_a_flush_that_waits_for_the_disk() {
    let root = Root::new();
    let (sink, _closed) = gate();
    let (batcher, guard) = a_thousand_items(&root, &sink);
    let mut flush = std::pin::pin!(batcher.flush(LONG));
    let mut context = Context::from_waker(Waker::noop());
    assert!(flush.as_mut().poll(&mut context).is_pending());
    assert_eq!(guard.close_blocking(MS).spooled, 1000);
    // All of it is on disk, for the next start.
    assert!(flush.as_mut().poll(&mut context).is_ready());
}

#[test]
fn once_the_disk_is_full_items_are_refused_and_every_one_is_counted() {
    let root = Root::new();
    let (sink, open) = gate();
    let small = SpoolConfig::default()
        .with_max_bytes(256 << 10)
        .with_segment_bytes(16 << 10)
        .with_fsync(Fsync::System);
    let config = config()
        .with_spool(&root.path, small)
        .with_memory_bytes(128 << 10)
        .with_batch_bytes(8 << 10)
        .with_overflow(Overflow::Spill(MS));
    let (batcher, guard, lane) = start(config, &sink);
    // A slow disk has some refused before it is full.
    let (mut taken, mut refused) = (0, 0);
    while taken < 500 || refused < 1000 {
        match batcher.append(lane, &[7; 500]) {
            Ok(()) => taken += 1,
            Err(rejected) => {
                assert_eq!(rejected, Rejected::Full);
                refused += 1;
            }
        }
        assert!(taken < 1000, "{refused} refused");
    }
    open.store(true, Ordering::Relaxed);
    batcher.flush_blocking(LONG).unwrap();
    assert_eq!(batcher.stats().delivered, taken);
    let report = guard.close_blocking(LONG);
    let total = report.total;
    assert_eq!((total.delivered, total.dropped.full), (taken, refused));
    assert_eq!(sink.items().len() as u64, taken);
}

#[test]
fn a_full_disk_does_not_hold_up_an_ordered_lane() {
    let root = Root::new();
    let (sink, open) = gate();
    let small = SpoolConfig::default()
        .with_max_bytes(256 << 10)
        .with_segment_bytes(16 << 10)
        .with_fsync(Fsync::System);
    let config = config()
        .with_spool(&root.path, small)
        .with_memory_bytes(128 << 10)
        .with_batch_bytes(8 << 10)
        .with_overflow(Overflow::Spill(MS));
    let (batcher, guard, _) = start(config, &sink);
    let ordered = batcher
        .lane(LaneConfig::new("ordered").with_order(true))
        .unwrap();
    let mut taken = Vec::new();
    let mut refused = 0;
    for n in 0_u32.. {
        let mut item = n.to_be_bytes().to_vec();
        item.resize(500, b'x');
        match batcher.append(ordered, &item) {
            Ok(()) => taken.push(item),
            Err(rejected) => {
                assert_eq!(rejected, Rejected::Full);
                refused += 1;
            }
        }
        if refused > 100 && taken.len() > 500 {
            break;
        }
    }
    open.store(true, Ordering::Relaxed);
    batcher.flush_blocking(LONG).unwrap();
    guard.close_blocking(LONG);
    assert!(sink.items() == taken, "lost or out of order");
}

#[test]
fn neither_left_overs_nor_what_was_tried_keep_newer_items_from_moving_to_disk() {
    let root = Root::new();
    let (sink, open) = gate();
    let first = BatchConfig::default().with_linger(MS);
    let first = first.with_spool(&root.path, SpoolConfig::default().with_fsync(Fsync::System));
    let (batcher, guard, lane) = start(first, &sink);
    for n in 0..200_u32 {
        batcher.append(lane, &n.to_be_bytes()).unwrap();
    }
    assert_eq!(guard.close_blocking(Duration::ZERO).spooled, 200);
    // Each attempt is at another one, so that all in memory have been tried before long.
    let config = spooling(&root)
        .with_batch_items(8)
        .with_batch_bytes(1000)
        .with_memory_bytes(64 << 10)
        .with_backoff(Backoff::new(MS, 2 * MS))
        .with_overflow(Overflow::Spill(LONG));
    let (batcher, guard, lane) = start(config, &sink);
    while batcher.stats().recovered < 200 {
        std::thread::yield_now();
    }
    for n in 200..10_000_u32 {
        batcher.append(lane, &n.to_be_bytes()).unwrap();
    }
    assert!(batcher.stats().spooled > 0);
    open.store(true, Ordering::Relaxed);
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.dropped.total(), 0, "{report:?}");
    let mut arrived = sink.items();
    arrived.extend(next_delivers(&root));
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 10_000);
}

#[test]
fn what_was_tried_before_older_ones_moved_to_disk_does_not_wait_for_them() {
    let root = Root::new();
    let (tries, open) = (Arc::new(AtomicUsize::new(0)), AtomicBool::new(false));
    let open = Arc::new(open);
    let sink = Collect::answering({
        let (tries, open) = (Arc::clone(&tries), Arc::clone(&open));
        move |batch| match batch.lane_name() {
            b"other" if open.load(Ordering::Relaxed) => Delivery::Delivered,
            b"other" => {
                tries.fetch_add(1, Ordering::Relaxed);
                Delivery::again("closed")
            }
            _ => Delivery::Again {
                cause: "closed".into(),
                wait: Some(100 * LONG),
            },
        }
    });
    let config = spilling(&root);
    let (batcher, guard, lane) = start(config, &sink);
    let other = LaneConfig::new("other").with_order(true);
    let other = batcher.lane(other).unwrap();
    // Less than half of the memory, most of it never tried.
    for _ in 0..224 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
    let tried = batcher.append_with_receipt(other, b"tried").unwrap();
    while tries.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    for _ in 0..3000 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
    assert!(batcher.stats().spooled > 1000);
    open.store(true, Ordering::Relaxed);
    assert_eq!(tried.wait(LONG), Some(Outcome::Delivered));
    guard.close_blocking(MS);
}

#[test]
fn damage_to_what_was_spilled_is_told_and_counted() {
    let root = Root::new();
    let (sink, open) = gate();
    let told = Arc::new(AtomicUsize::new(0));
    let config = spooling(&root)
        .with_memory_bytes(64 << 10)
        .with_batch_bytes(4 << 10)
        .with_overflow(Overflow::Spill(LONG))
        .with_on_event({
            let told = Arc::clone(&told);
            move |event| {
                if matches!(event, Event::SpoolDamaged(_)) {
                    told.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..1000 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
    assert!(batcher.stats().spooled > 500);
    // A byte in the middle of the one file.
    for folder in fs::read_dir(&root.path).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "seg") {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                use std::io::{Seek as _, Write as _};
                let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.seek(std::io::SeekFrom::Start(middle as u64)).unwrap();
                file.write_all(&bytes[middle..=middle]).unwrap();
            }
        }
    }
    open.store(true, Ordering::Relaxed);
    // What is damaged has come to its end, too.
    batcher.flush_blocking(LONG).unwrap();
    let stats = batcher.stats();
    assert_eq!(stats.delivered + stats.lost, 1000);
    let report = guard.close_blocking(LONG);
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert!(
        (1..=8).contains(&report.total.dropped.damaged),
        "{report:?}"
    );
    assert_eq!(sink.items().len() as u64, report.total.delivered);
}
