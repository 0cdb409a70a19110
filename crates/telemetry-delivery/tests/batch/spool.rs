//! What is on disk survives the process.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use telemetry_delivery::batch::{
    BatchConfig, Batcher, Collect, Delivery, Event, LaneConfig, Rejected, StartError,
};
use telemetry_delivery::spool::{Fsync, SpoolConfig};
use tempfile::TempDir;

use super::*;

/// A folder that is not there yet, inside one that is removed in the end.
pub(super) struct Root {
    pub(super) path: PathBuf,
    _outer: TempDir,
}

impl Root {
    pub(super) fn new() -> Self {
        let outer = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self {
            path: outer.path().join("spool"),
            _outer: outer,
        }
    }

    /// What a process that is killed now would leave, for another to find.
    pub(super) fn as_after_a_kill(&self) -> Self {
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

    pub(super) fn is_empty(&self) -> bool {
        fs::read_dir(&self.path).unwrap().next().is_none()
    }
}

pub(super) fn spooling(root: &Root) -> BatchConfig {
    config().with_spool(&root.path, SpoolConfig::default().with_fsync(Fsync::System))
}

/// Delivers nothing until it is let go.
pub(super) fn gate() -> (Collect, Arc<AtomicBool>) {
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
pub(super) fn next_delivers(root: &Root) -> Vec<Vec<u8>> {
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
