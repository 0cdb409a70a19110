//! Processes that are forked off one that writes lines and has nothing else that counts forks.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, OpenOptions};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// After this long a child has hung.
const HUNG: Duration = Duration::from_secs(10);

/// Runs `child` in a process of its own, which ends itself should it hang.
fn succeeds(child: impl FnOnce()) -> bool {
    match fork::fork().unwrap() {
        fork::Fork::Parent(id) => fork::waitpid(id).unwrap() == 0,
        fork::Fork::Child => {
            let (done, is_done) = mpsc::channel();
            thread::spawn(move || {
                if is_done.recv_timeout(HUNG).is_err() {
                    process::exit(3);
                }
            });
            child();
            let _ = done.send(());
            // What else is on the parent's stack is not the child's to end.
            process::exit(0)
        }
    }
}

/// A child could wait for ever for a lock that a thread of its parent had taken.
#[test]
fn forty_children_of_a_process_that_writes_all_the_time_write_a_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(&path).unwrap();
    rustix::stdio::dup2_stderr(&file).unwrap();
    let settings = "[root]\nlevel = \"info\"\nhandlers = [\"console\"]\n\
                    [handlers.console]\ntype = \"console\"\n";
    let _guard = sls_logging::init_from_str(settings, sls_logging::config::Syntax::Toml).unwrap();

    let stop = AtomicBool::new(false);
    let failed: Vec<usize> = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    log::info!("parent");
                }
            });
        }
        let children = 0..40;
        let failed = children
            .filter(|child| !succeeds(|| log::info!("child {child};")))
            .take(1)
            .collect();
        stop.store(true, Ordering::Relaxed);
        failed
    });
    assert!(failed.is_empty(), "child {} hung", failed[0]);
    let lines = fs::read_to_string(&path).unwrap();
    for child in 0..40 {
        let found = lines.matches(&format!("child {child};")).count();
        assert_eq!(found, 1, "child {child}");
    }
}
