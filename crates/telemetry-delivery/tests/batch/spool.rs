use std::fs;
use std::future::Future as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};

use telemetry_delivery::Backoff;
use telemetry_delivery::batch::{
    BatchConfig, Batcher, Collect, Delivery, Event, LaneConfig, Outcome, Overflow, Rejected,
    StartError,
};
use telemetry_delivery::spool::{Fsync, SpoolConfig};
use tempfile::TempDir;

use super::*;

/// A folder that is not there yet, inside one that is removed in the end.
struct Root {
    path: PathBuf,
    _outer: TempDir,
}

impl Root {
    fn new() -> Self {
        let outer = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self {
            path: outer.path().join("spool"),
            _outer: outer,
        }
    }

    /// What a process that is killed now would leave, for another to find.
    fn as_after_a_kill(&self) -> Self {
        let copy = Self::new();
        for folder in fs::read_dir(&self.path).unwrap() {
            let from = folder.unwrap().path();
            let to = copy.path.join(from.file_name().unwrap());
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(from).unwrap() {
                let file = file.unwrap().path();
                fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
            }
        }
        copy
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.path).unwrap().next().is_none()
    }
}

fn spooling(root: &Root) -> BatchConfig {
    config().with_spool(&root.path, SpoolConfig::default().with_fsync(Fsync::System))
}

/// Delivers nothing until it is let go.
fn gate() -> (Collect, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let sink = Collect::answering({
        let open = Arc::clone(&open);
        move |_| match open.load(Ordering::Relaxed) {
            true => Delivery::Delivered,
            false => Delivery::again("closed"),
        }
    });
    (sink, open)
}

/// What the next process delivers.
fn next_delivers(root: &Root) -> Vec<Vec<u8>> {
    let sink = Collect::new();
    let (batcher, guard, lane) = start(spooling(root), &sink);
    // What is left is read before the worker first sleeps, and this comes behind.
    batcher.append(lane, b"last").unwrap();
    batcher.flush_blocking(LONG).unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!(report.total.recovered + 1, report.total.delivered);
    let mut items = sink.items();
    let last = items.iter().position(|item| item == b"last").unwrap();
    items.remove(last);
    items
}

#[test]
fn what_is_not_delivered_at_the_end_is_delivered_by_the_next_start() {
    let root = Root::new();
    let (sink, _closed) = gate();
    let (batcher, guard, lane) = start(spooling(&root), &sink);
    let items: Vec<Vec<u8>> = (0..500).map(|n| format!("item {n}").into_bytes()).collect();
    for item in &items {
        batcher.append(lane, item).unwrap();
    }
    let report = guard.close_blocking(20 * MS);
    assert_eq!((report.spooled, report.dropped), (500, 0), "{report:?}");
    assert_eq!(next_delivers(&root), items);
    assert!(root.is_empty());
}

#[test]
fn what_was_delivered_is_not_delivered_again() {
    let root = Root::new();
    let sink = Collect::new();
    let durable = SpoolConfig::default().with_fsync(Fsync::EveryRecord);
    let (batcher, guard, lane) = start(config().with_spool(&root.path, durable), &sink);
    for n in 0..20_u8 {
        batcher.append(lane, &[n]).unwrap();
    }
    let report = guard.close_blocking(LONG);
    assert_eq!((report.total.delivered, report.spooled), (20, 0));
    assert!(root.is_empty());
}

#[test]
fn with_every_record_an_append_that_returned_survives_a_kill() {
    let root = Root::new();
    let (sink, _closed) = gate();
    let durable = SpoolConfig::default().with_fsync(Fsync::EveryRecord);
    // Nothing would go to disk by itself for a long time.
    let (batcher, guard, lane) = start(patient().with_spool(&root.path, durable), &sink);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let batcher = &batcher;
            scope.spawn(move || {
                for n in 0..10_u8 {
                    batcher.append(lane, &[thread, n]).unwrap();
                }
            });
        }
    });
    let killed = root.as_after_a_kill();
    guard.close_blocking(MS);
    let mut items = next_delivers(&killed);
    items.sort();
    let all: Vec<Vec<u8>> = (0..4)
        .flat_map(|thread| (0..10).map(move |n| vec![thread, n]))
        .collect();
    assert_eq!(items, all);
}

#[test]
fn what_is_not_delivered_goes_to_disk_by_itself() {
    let root = Root::new();
    let (sink, _closed) = gate();
    let every = SpoolConfig::default().with_fsync(Fsync::Interval(5 * MS));
    let (batcher, guard, lane) = start(patient().with_spool(&root.path, every), &sink);
    batcher.append(lane, b"one").unwrap();
    // Nothing else asks for it: neither a flush, nor a full buffer, nor lingering.
    let is_stored = || {
        let folder = fs::read_dir(&root.path).unwrap().next().unwrap().unwrap();
        let mut files = fs::read_dir(folder.path()).unwrap();
        files.any(|file| file.unwrap().metadata().unwrap().len() > 32)
    };
    while !is_stored() {
        std::thread::yield_now();
    }
    let killed = root.as_after_a_kill();
    guard.close_blocking(MS);
    assert_eq!(next_delivers(&killed), [b"one"]);
}

#[test]
fn when_the_disk_fails_items_are_delivered_from_memory_and_it_is_told() {
    let root = Root::new();
    let (sink, open) = gate();
    let told = Arc::new(AtomicUsize::new(0));
    let durable = SpoolConfig::default().with_fsync(Fsync::EveryRecord);
    let config = config().with_spool(&root.path, durable).with_on_event({
        let told = Arc::clone(&told);
        move |event| {
            if let Event::SpoolFailing { cause } = event {
                assert!(cause.contains("cannot create"), "{cause}");
                told.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let (batcher, guard, lane) = start(config, &sink);
    fs::remove_dir_all(&root.path).unwrap();
    for n in 0..10_u8 {
        // Taken in, and the caller knows what is not promised.
        assert_eq!(batcher.append(lane, &[n]), Err(Rejected::NotStored));
    }
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(batcher.stats().dropped.total(), 0);
    open.store(true, Ordering::Relaxed);
    let report = guard.close_blocking(LONG);
    assert_eq!((report.total.delivered, report.dropped), (10, 0));
}

#[test]
fn items_beyond_memory_wait_on_disk_and_come_back_in_order() {
    let root = Root::new();
    let (sink, open) = gate();
    let config = spooling(&root)
        .with_memory_bytes(256 << 10)
        .with_batch_bytes(16 << 10)
        .with_overflow(Overflow::Spill(LONG));
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
    let config = spooling(&root)
        .with_memory_bytes(256 << 10)
        .with_batch_bytes(16 << 10)
        .with_overflow(Overflow::Spill(LONG));
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
    let config = spooling(&root)
        .with_memory_bytes(64 << 10)
        .with_batch_bytes(4 << 10)
        .with_overflow(Overflow::Spill(LONG));
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..1000 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
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
    let config = spooling(&root)
        .with_memory_bytes(64 << 10)
        .with_batch_bytes(4 << 10)
        .with_overflow(Overflow::Spill(LONG));
    let (batcher, guard, lane) = start(config, &sink);
    for _ in 0..1000 {
        batcher.append(lane, &[7; 500]).unwrap();
    }
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
    let config = spooling(&root)
        .with_memory_bytes(256 << 10)
        .with_batch_bytes(16 << 10)
        .with_overflow(Overflow::Spill(LONG));
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
fn batches_that_are_cut_or_refused_leave_nothing_on_disk() {
    let root = Root::new();
    let sink = Collect::answering(|batch| match batch.bytes() {
        [b'r', ..] if batch.count() == 1 => Delivery::refused("no"),
        _ if batch.count() > 1 => Delivery::TooLarge,
        _ => Delivery::Delivered,
    });
    let durable = SpoolConfig::default().with_fsync(Fsync::EveryRecord);
    let letters = Arc::new(AtomicUsize::new(0));
    let config = patient()
        .with_spool(&root.path, durable)
        .with_dead_letters({
            let letters = Arc::clone(&letters);
            move |_| {
                letters.fetch_add(1, Ordering::Relaxed);
            }
        });
    let (batcher, guard, lane) = start(config, &sink);
    for n in 0..16 {
        let item = if n % 4 == 0 { "refused" } else { "fine" };
        batcher.try_append(lane, item.as_bytes()).unwrap();
    }
    let report = guard.close_blocking(LONG);
    assert_eq!((report.delivered, report.dead_lettered), (12, 4));
    assert_eq!(letters.load(Ordering::Relaxed), 4);
    assert!(report.total.splits > 0);
    assert!(root.is_empty());
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

#[test]
fn a_spool_that_cannot_be_opened_is_an_error_at_the_start() {
    let root = Root::new();
    fs::write(&root.path, "a file").unwrap();
    let started = Batcher::start(spooling(&root), Collect::new);
    assert!(matches!(started, Err(StartError::Spool(_))));
}

#[test]
fn a_spool_that_holds_no_batch_is_refused() {
    let root = Root::new();
    let tiny = SpoolConfig::default()
        .with_segment_bytes(64 << 10)
        .with_max_bytes(64 << 10);
    let started = Batcher::start(config().with_spool(&root.path, tiny), Collect::new);
    assert!(matches!(started, Err(StartError::Config(_))));
}

#[test]
fn left_overs_of_more_lanes_than_there_may_be_do_not_hold_up_the_others() {
    let root = Root::new();
    let (sink, _closed) = gate();
    let single = spooling(&root).with_batch_items(1);
    let (batcher, guard, lane) = start(single, &sink);
    let other = batcher.lane(LaneConfig::new("other")).unwrap();
    for (lane, item) in [(lane, "one"), (other, "two"), (lane, "three")] {
        batcher.append(lane, item.as_bytes()).unwrap();
    }
    assert_eq!(guard.close_blocking(MS).spooled, 3);

    let sink = Collect::new();
    let (_batcher, guard) = Batcher::start(spooling(&root).with_max_lanes(1), {
        let sink = sink.clone();
        move || sink.clone()
    })
    .unwrap();
    // In one batch or in two.
    while sink.items().len() < 2 {
        std::thread::yield_now();
    }
    guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items()), ["one", "three"]);
    assert_eq!(texts(&next_delivers(&root)), ["two"]);
}
