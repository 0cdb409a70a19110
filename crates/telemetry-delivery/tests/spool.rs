//! The spool on a real disk; what it decides is tested in memory, beside it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use telemetry_delivery::spool::{EntryId, Record, Spool, SpoolConfig, SpoolError};
use tempfile::TempDir;

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

    fn open(&self) -> Spool {
        let config = SpoolConfig::default().with_segment_bytes(4096);
        Spool::open(&self.path, config).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in fs::read_dir(&self.path).unwrap() {
            for file in fs::read_dir(folder.unwrap().path()).unwrap() {
                files.push(file.unwrap().path());
            }
        }
        files
    }
}

fn append(spool: &mut Spool, number: u64) -> Result<EntryId, SpoolError> {
    let bytes = number.to_le_bytes().repeat(20);
    spool.append(Record {
        lane: b"lane",
        ends: &[8, 160],
        bytes: &bytes,
    })
}

fn drain(spool: &mut Spool) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(entry) = spool.next_pending() {
        let entry = entry.unwrap();
        assert_eq!(entry.ends, [8, 160]);
        numbers.push(u64::from_le_bytes(*entry.bytes.first_chunk().unwrap()));
        spool.acknowledge(entry.id).unwrap();
    }
    numbers
}

#[test]
fn what_is_left_is_found_again_and_what_is_done_leaves_no_trace() {
    let root = Root::new();
    let mut spool = root.open();
    let mut done = Vec::new();
    for number in 0..100 {
        let id = append(&mut spool, number).unwrap();
        if number % 3 == 0 {
            done.push(id);
        }
    }
    for id in done {
        spool.acknowledge(id).unwrap();
    }
    spool.close().unwrap();

    let mut spool = root.open();
    let expected: Vec<u64> = (0..100).filter(|number| number % 3 != 0).collect();
    assert_eq!(drain(&mut spool), expected);
    spool.close().unwrap();
    assert_eq!(fs::read_dir(&root.path).unwrap().count(), 0);
}

#[test]
fn spools_of_one_root_do_not_see_each_other_until_one_ends() {
    let root = Root::new();
    let mut one = root.open();
    let mut two = root.open();
    let _held = append(&mut one, 1).unwrap();
    let _held = append(&mut two, 2).unwrap();
    assert_eq!(two.adopt().unwrap(), 0);
    assert_eq!(drain(&mut two), []);
    drop(one);
    assert_eq!(two.adopt().unwrap(), 1);
    assert_eq!(drain(&mut two), [1]);
}

#[test]
fn many_that_come_and_go_at_once_deliver_every_record_once() {
    let root = Root::new();
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (root, seen) = (&root, &seen);
            scope.spawn(move || {
                for round in 0..25 {
                    let mut spool = root.open();
                    let _held = append(&mut spool, thread * 100 + round).unwrap();
                    if round % 3 == 0 {
                        seen.lock().unwrap().extend(drain(&mut spool));
                    }
                }
            });
        }
    });
    let mut seen = seen.into_inner().unwrap();
    let mut spool = root.open();
    seen.extend(drain(&mut spool));
    spool.close().unwrap();
    seen.sort_unstable();
    let all: Vec<u64> = (0..6)
        .flat_map(|thread| (0..25).map(move |round| thread * 100 + round))
        .collect();
    assert_eq!(seen, all);
    assert_eq!(fs::read_dir(&root.path).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let root = Root::new();
    let mut spool = root.open();
    let id = append(&mut spool, 1).unwrap();
    let _held = append(&mut spool, 2).unwrap();
    spool.acknowledge(id).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = root.files();
    assert_eq!(files.len(), 3, "lock, records and acknowledgements");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700);
    }
    assert_eq!(mode(&root.path), 0o700);
}

#[test]
fn a_root_that_is_a_file_is_an_error_that_names_it() {
    let root = Root::new();
    fs::write(&root.path, "not a folder").unwrap();
    let error = Spool::open(&root.path, SpoolConfig::default()).unwrap_err();
    let path = root.path.display().to_string();
    assert!(error.to_string().contains(&path), "{error}");
}
