//! Processes that are forked off one that tracks.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]
#![allow(dead_code, reason = "a test uses a part of the support")]

mod support;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use growingio_tracker::{Asynchronous, Buffered, Identity, Tracker, TrackerBuilder};
use http::{Request, Response};
use support::names;
use telemetry_delivery::TransportError;
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(30);
/// After this long a child has hung.
const HUNG: Duration = Duration::from_secs(60);

/// Where all processes write down who sent which event.
struct Lines {
    path: PathBuf,
    _folder: TempDir,
}

impl Lines {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            path: folder.path().join("lines"),
            _folder: folder,
        }
    }

    /// A tracker whose collector accepts everything.
    fn tracker(&self) -> TrackerBuilder {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(&self.path);
        let file: Arc<File> = Arc::new(file.unwrap());
        let transport = tower::service_fn(move |request: Request<Bytes>| {
            let mut text = String::new();
            for name in names(&request) {
                text.push_str(&format!("{} {name}\n", process::id()));
            }
            // One write, which the system does not mix with another process's.
            (&*file).write_all(text.as_bytes()).unwrap();
            async { Ok::<_, TransportError>(Response::new(Bytes::new())) }
        });
        Tracker::builder("p", "d", "http://collector.example").transport(transport)
    }

    /// Who sent each event, and how often it was sent.
    fn sent(&self) -> HashMap<String, Vec<u32>> {
        let mut events: HashMap<String, Vec<u32>> = HashMap::new();
        for line in fs::read_to_string(&self.path).unwrap().lines() {
            let (process, name) = line.split_once(' ').unwrap();
            let processes = events.entry(name.to_owned()).or_default();
            processes.push(process.parse().unwrap());
        }
        events
    }
}

fn track(tracker: &Tracker, name: &str) {
    let identity = Identity::anonymous("a");
    tracker
        .track_custom_event(name, identity, ())
        .wait()
        .unwrap();
}

/// Nothing is sent before somebody asks for it.
fn unhurried() -> Asynchronous {
    Asynchronous::default().with_flush_after(Duration::from_secs(3600))
}

/// Runs `child` in a process of its own, which ends itself should it hang.
fn fork(child: impl FnOnce()) -> i32 {
    match fork::fork().unwrap() {
        fork::Fork::Parent(id) => id,
        fork::Fork::Child => {
            let (done, is_done) = mpsc::channel();
            thread::spawn(move || {
                if is_done.recv_timeout(HUNG).is_err() {
                    process::exit(3);
                }
            });
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            let _ = done.send(());
            // What else is on the parent's stack is not the child's to end.
            process::exit(i32::from(outcome.is_err()))
        }
    }
}

fn join(child: i32) {
    assert_eq!(fork::waitpid(child).unwrap(), 0, "process {child} failed");
}

fn check_whose(strategy: impl FnOnce(TrackerBuilder) -> TrackerBuilder) {
    let lines = Lines::new();
    let tracker = strategy(lines.tracker()).build().unwrap();
    track(&tracker, "before");
    let child = fork(|| {
        track(&tracker, "in the child");
        let report = tracker.close(LONG).wait();
        assert!(report.is_complete(), "{report:?}");
    });
    join(child);
    track(&tracker, "after");
    assert!(tracker.close(LONG).wait().is_complete());
    let sent = lines.sent();
    let parent = process::id();
    assert_eq!(sent["before"], [parent]);
    assert_eq!(sent["after"], [parent]);
    assert_eq!(sent["in the child"], [u32::try_from(child).unwrap()]);
}

#[test]
fn what_waited_before_is_the_parents_and_what_comes_after_the_childs() {
    check_whose(|tracker| tracker.delivery(unhurried()));
    check_whose(|tracker| tracker.delivery(Buffered::default()));
    check_whose(|tracker| tracker);
}

#[test]
fn a_child_of_a_program_with_a_runtime_sends_on_a_thread_of_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    check_whose(|tracker| tracker.delivery(unhurried()).runtime(handle));
}

#[cfg(feature = "spool")]
#[test]
fn each_process_has_a_folder_of_its_own_for_the_disk() {
    use growingio_tracker::{Fsync, SpoolConfig};

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("spool");
    let durable = SpoolConfig::default().with_fsync(Fsync::EveryRecord);
    let folders = || fs::read_dir(&root).unwrap().count();
    let lines = Lines::new();
    let tracker = lines.tracker().delivery(unhurried());
    let tracker = tracker.spool(&root, durable).build().unwrap();
    track(&tracker, "before");
    let child = fork(|| {
        // On disk once this returns, beside what the parent has there.
        track(&tracker, "in the child");
        assert_eq!(folders(), 2);
        assert!(tracker.close(LONG).wait().is_complete());
        assert_eq!(folders(), 1);
    });
    join(child);
    assert!(tracker.close(LONG).wait().is_complete());
    let sent = lines.sent();
    assert_eq!(sent["before"], [process::id()]);
    assert_eq!(sent["in the child"], [u32::try_from(child).unwrap()]);
    assert_eq!(folders(), 0);
}

#[test]
fn a_child_that_tracks_nothing_ends_at_once() {
    let lines = Lines::new();
    let tracker = lines.tracker().delivery(unhurried()).build().unwrap();
    track(&tracker, "before");
    join(fork(|| {
        assert!(tracker.close(Duration::ZERO).wait().is_complete());
        drop(tracker.clone());
    }));
    assert!(tracker.close(LONG).wait().is_complete());
    assert_eq!(lines.sent()["before"], [process::id()]);
}

#[test]
fn children_of_children_send_too() {
    let lines = Lines::new();
    let tracker = lines.tracker().delivery(unhurried()).build().unwrap();
    join(fork(|| {
        track(&tracker, "child");
        // Waiting at the time, and not the grandchild's.
        join(fork(|| {
            track(&tracker, "grandchild");
            assert!(tracker.close(LONG).wait().is_complete());
        }));
        assert!(tracker.close(LONG).wait().is_complete());
    }));
    let sent = lines.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!((sent["child"].len(), sent["grandchild"].len()), (1, 1));
    assert_ne!(sent["child"], sent["grandchild"]);
}

/// A child could wait for ever for a lock that a thread of its parent had taken.
#[test]
fn a_hundred_children_of_a_busy_process_send_each() {
    let lines = Lines::new();
    let tracker = lines.tracker().delivery(unhurried()).build().unwrap();
    let stop = AtomicBool::new(false);
    let mut tracked = [0_u32; 3];
    thread::scope(|scope| {
        // Locks are taken and released all the time, so some are held when the process is forked.
        for (thread, tracked) in tracked.iter_mut().enumerate() {
            let (tracker, stop) = (&tracker, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    track(tracker, &format!("parent {thread} {tracked}"));
                    *tracked += 1;
                    if *tracked % 100 == 0 {
                        tracker.flush(LONG).wait();
                    }
                }
            });
        }
        for child in 0..100 {
            join(fork(|| {
                track(&tracker, &format!("child {child}"));
                assert!(tracker.flush(LONG).wait().is_complete());
            }));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(tracker.close(LONG).wait().is_complete());
    let sent = lines.sent();
    for child in 0..100 {
        assert_eq!(sent[&format!("child {child}")].len(), 1, "{child}");
    }
    for (thread, tracked) in tracked.into_iter().enumerate() {
        for number in 0..tracked {
            let name = format!("parent {thread} {number}");
            assert_eq!(sent[&name], [process::id()], "{name}");
        }
    }
}
