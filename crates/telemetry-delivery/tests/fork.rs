//! Processes that are forked off one that batches.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    unsafe_code,
    reason = "there is no safe way to fork, and that is the subject"
)]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use telemetry_delivery::batch::{
    BatchConfig, Batcher, Delivery, Guard, Lane, LaneConfig, Outcome, Sealed, Sink, Stats,
};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(30);

/// Writes the process id and every item into one file, which all processes append to.
struct Lines(File);

impl Sink for Lines {
    async fn deliver(&self, batch: &Sealed) -> Delivery {
        let mut text = String::new();
        for item in batch.items() {
            let item = std::str::from_utf8(item).unwrap();
            text.push_str(&format!("{} {item}\n", std::process::id()));
        }
        // One write, which the system does not mix with another process's.
        (&self.0).write_all(text.as_bytes()).unwrap();
        Delivery::Delivered
    }
}

struct Scene {
    path: PathBuf,
    batcher: Batcher,
    guard: Option<Guard>,
    lane: Lane,
    /// Removed in the end, but by no child.
    _folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::with(BatchConfig::default())
    }

    fn with(config: BatchConfig) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("delivered");
        let open = path.clone();
        let config = config
            .with_linger(Duration::from_secs(3600))
            .with_close_deadline(LONG);
        let (batcher, guard) = Batcher::start(config, move || {
            let file = OpenOptions::new().create(true).append(true).open(&open);
            Lines(file.unwrap())
        })
        .unwrap();
        let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
        Self {
            path,
            batcher,
            guard: Some(guard),
            lane,
            _folder: folder,
        }
    }

    fn append(&self, item: &str) {
        self.batcher.append(self.lane, item.as_bytes()).unwrap();
    }

    /// Who delivered each item, and how often it was delivered.
    fn delivered(&mut self) -> HashMap<String, Vec<u32>> {
        drop(self.guard.take());
        let mut items: HashMap<String, Vec<u32>> = HashMap::new();
        for line in fs::read_to_string(&self.path).unwrap_or_default().lines() {
            let (process, item) = line.split_once(' ').unwrap();
            let processes = items.entry(item.to_owned()).or_default();
            processes.push(process.parse().unwrap());
        }
        items
    }
}

/// Runs `child` in a process of its own, which is killed should it take too long.
fn fork(child: impl FnOnce()) -> u32 {
    // SAFETY: the child calls nothing that depends on another thread of this process, which is
    // what the tests are about, and leaves without running anything of the parent's.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: it only sets a timer.
            unsafe { libc::alarm(60) };
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // SAFETY: it ends the process, and does not come back.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        process => u32::try_from(process).unwrap(),
    }
}

fn join(process: u32) {
    let mut status = 0;
    // SAFETY: `status` is valid for a write.
    unsafe { libc::waitpid(process as i32, &mut status, 0) };
    assert_eq!(status, 0, "process {process} failed");
}

#[test]
fn what_was_buffered_before_is_the_parents_and_what_comes_after_the_childs() {
    let mut scene = Scene::new();
    scene.append("before");
    let child = fork(|| {
        assert_eq!(scene.batcher.stats(), Stats::default());
        scene.append("in the child");
        let report = scene.guard.take().unwrap().close_blocking(LONG);
        assert_eq!((report.delivered, report.total.accepted), (1, 1));
    });
    join(child);
    scene.append("after");
    let parent = std::process::id();
    let delivered = scene.delivered();
    assert_eq!(delivered["before"], [parent]);
    assert_eq!(delivered["after"], [parent]);
    assert_eq!(delivered["in the child"], [child]);
}

#[cfg(feature = "spool")]
#[test]
fn each_process_has_a_folder_of_its_own_for_the_disk() {
    use telemetry_delivery::spool::{Fsync, SpoolConfig};

    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = folder.path().join("spool");
    let durable = SpoolConfig::default().with_fsync(Fsync::EveryRecord);
    let config = BatchConfig::default().with_spool(&root, durable);
    let folders = || fs::read_dir(&root).unwrap().count();
    let mut scene = Scene::with(config);
    scene.append("before");
    let child = fork(|| {
        // On disk once this returns, beside what the parent has there.
        scene.append("in the child");
        assert_eq!(folders(), 2);
        let report = scene.guard.take().unwrap().close_blocking(LONG);
        assert_eq!((report.total.delivered, report.total.accepted), (1, 1));
        assert_eq!(folders(), 1);
    });
    join(child);
    scene.append("after");
    let parent = std::process::id();
    let delivered = scene.delivered();
    assert_eq!(delivered["before"], [parent]);
    assert_eq!(delivered["after"], [parent]);
    assert_eq!(delivered["in the child"], [child]);
    assert_eq!(folders(), 0);
    fs::remove_dir(&root).unwrap();
}

#[cfg(feature = "spool")]
#[test]
fn what_a_process_leaves_on_disk_is_taken_over_while_a_child_of_it_lives() {
    use std::io::Read as _;
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use telemetry_delivery::spool::{Record, Spool, SpoolConfig};

    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    join(fork(|| {
        let mut spool = Spool::open(folder.path(), SpoolConfig::default()).unwrap();
        let record = Record {
            lane: b"lane",
            ends: &[4],
            bytes: b"left",
        };
        let _in_memory = spool.append(record).unwrap();
        fork(|| {
            // Says that it is there, and stays until it is told to go.
            (&theirs).write_all(b"!").unwrap();
            let _ = (&theirs).read(&mut [0]);
        });
        // As if it was killed.
        std::mem::forget(spool);
    }));
    (&ours).read_exact(&mut [0]).unwrap();
    let mut next = Spool::open(folder.path(), SpoolConfig::default()).unwrap();
    let left = next.next_pending().unwrap().unwrap();
    assert_eq!(&left.bytes[..], b"left");
    ours.shutdown(Shutdown::Both).unwrap();
}

#[cfg(feature = "spool")]
#[test]
fn a_child_that_ends_leaves_its_parents_folder_locked() {
    use telemetry_delivery::spool::{Record, Spool, SpoolConfig};

    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut spool = Spool::open(folder.path(), SpoolConfig::default()).unwrap();
    let record = Record {
        lane: b"lane",
        ends: &[4],
        bytes: b"ours",
    };
    let _in_memory = spool.append(record).unwrap();
    let mut copy = Some(spool);
    join(fork(|| drop(copy.take())));
    let mut other = Spool::open(folder.path(), SpoolConfig::default()).unwrap();
    assert!(other.next_pending().is_none());
}

#[test]
fn receipts_of_before_are_left_to_the_parent() {
    let mut scene = Scene::new();
    let receipt = scene
        .batcher
        .append_with_receipt(scene.lane, b"before")
        .unwrap();
    join(fork(|| {
        assert_eq!(receipt.wait(LONG), Some(Outcome::LeftToParent));
        let own = scene
            .batcher
            .append_with_receipt(scene.lane, b"own")
            .unwrap();
        scene.batcher.flush_blocking(LONG).unwrap();
        assert_eq!(own.outcome(), Some(Outcome::Delivered));
    }));
    assert_eq!(scene.delivered().len(), 2);
    assert_eq!(receipt.outcome(), Some(Outcome::Delivered));
}

#[test]
fn a_child_that_appends_nothing_ends_at_once() {
    let mut scene = Scene::new();
    scene.append("before");
    join(fork(|| {
        scene.batcher.flush_blocking(Duration::ZERO).unwrap();
        let guard = scene.guard.take().unwrap();
        assert_eq!(guard.close_blocking(Duration::ZERO).delivered, 0);
    }));
    assert_eq!(scene.delivered()["before"], [std::process::id()]);
}

#[test]
fn children_of_children_deliver_too() {
    let mut scene = Scene::new();
    join(fork(|| {
        scene.append("child");
        // Buffered at the time, and not the grandchild's.
        join(fork(|| {
            scene.append("grandchild");
            drop(scene.guard.take());
        }));
        drop(scene.guard.take());
    }));
    let delivered = scene.delivered();
    assert_eq!(delivered.len(), 2);
    assert_eq!(delivered["child"].len(), 1);
    assert_eq!(delivered["grandchild"].len(), 1);
    assert_ne!(delivered["child"], delivered["grandchild"]);
}

#[test]
fn a_hundred_children_of_a_busy_process_deliver_each() {
    let mut scene = Scene::new();
    let stop = AtomicBool::new(false);
    let mut appended = [0u32; 3];
    thread::scope(|scope| {
        // Locks are taken and released all the time, so some are held when the process is forked.
        for (thread, appended) in appended.iter_mut().enumerate() {
            let (batcher, lane, stop) = (&scene.batcher, scene.lane, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let item = format!("parent {thread} {appended}");
                    *appended += u32::from(batcher.append(lane, item.as_bytes()).is_ok());
                    if *appended % 1000 == 0 {
                        batcher.flush_blocking(LONG).unwrap();
                    }
                }
            });
        }
        for child in 0..100 {
            let process = fork(|| {
                scene.append(&format!("child {child}"));
                let stats = scene.batcher.stats();
                assert_eq!((stats.accepted, stats.in_memory_items), (1, 1));
                scene.batcher.flush_blocking(LONG).unwrap();
            });
            join(process);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let delivered = scene.delivered();
    for child in 0..100 {
        assert_eq!(delivered[&format!("child {child}")].len(), 1, "{child}");
    }
    for (thread, appended) in appended.into_iter().enumerate() {
        for n in 0..appended {
            let item = format!("parent {thread} {n}");
            assert_eq!(delivered[&item], [std::process::id()], "{item}");
        }
    }
}
