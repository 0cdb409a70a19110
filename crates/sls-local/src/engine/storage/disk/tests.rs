use std::fs;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use redb::TableDefinition;
use sls_core::model::{CursorPosition, ShardId};
use sls_core::wire::Compression;
use tempfile::TempDir;

use super::super::{Arriving, Batch, Bounds, Packed, ReadLimit};
use super::*;
use crate::engine::{DEFAULT_MAX_SHARDS, Engine, PutRules, SplitAt};

const CACHE: usize = 4 << 20;
const ALL: ReadLimit = ReadLimit {
    groups: 1000,
    bytes: usize::MAX,
};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn opened(folder: &Path) -> DiskStorage {
    DiskStorage::open(folder, CACHE).unwrap()
}

fn opened_with(folder: &Path, space: FreeSpace, upkeep: Upkeep) -> DiskStorage {
    DiskStorage::open_with(folder, CACHE, space, upkeep).unwrap()
}

fn no_limit() -> FreeSpace {
    FreeSpace::new(|| None)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn arriving(seconds: u64, group: impl Into<Bytes>) -> Arriving {
    Arriving {
        received: at(seconds),
        group: group.into(),
        packed: None,
        logs: 1,
    }
}

/// Bytes that no compression makes anything of.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let bytes = (0..length).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    bytes.collect()
}

fn append(log: &Arc<dyn ShardLog>, arriving: Arriving) -> Result<(), StorageError> {
    let (sender, receiver) = mpsc::channel();
    log.append(
        arriving,
        Box::new(move |result| sender.send(result).unwrap()),
    )?;
    receiver.recv().unwrap()
}

fn groups(batch: &Batch) -> Vec<&[u8]> {
    batch.records.iter().map(|record| &*record.group).collect()
}

/// The file as it is while a server writes it, which is how a kill leaves it.
fn killed(folder: &Path) -> TempDir {
    let left = self::folder();
    fs::copy(format::store(folder), format::store(left.path())).unwrap();
    left
}

#[track_caller]
fn refused(folder: &Path) -> OpenError {
    DiskStorage::open(folder, CACHE).unwrap_err()
}

#[test]
fn what_was_stored_is_there_after_a_kill_and_after_an_orderly_end() {
    let folder = folder();
    let storage = opened(folder.path());
    let log = storage.open(LogId(3), 100).unwrap();
    append(&log, arriving(5, "one")).unwrap();
    append(&log, arriving(6, "two")).unwrap();
    let facts = Changes::default().write("a/1", b"x".to_vec());
    (&storage as &dyn Storage).commit(facts).unwrap();
    let left = killed(folder.path());
    storage.close();
    for place in [left.path(), folder.path()] {
        let storage = opened(place);
        assert_eq!(storage.free_log(), LogId(4));
        let log = storage.open(LogId(3), 0).unwrap();
        assert_eq!(
            log.bounds(),
            Bounds {
                first: 100,
                next: 102
            }
        );
        assert_eq!(log.arrived(), 2);
        let batch = log.read(100, ALL).unwrap();
        assert_eq!(groups(&batch), [b"one", b"two"]);
        assert_eq!(batch.records[1].received, at(6));
        let facts = storage.facts("a/").unwrap();
        assert_eq!(facts, [("a/1".to_owned(), b"x".to_vec())]);
        append(&log, arriving(7, "three")).unwrap();
        assert_eq!(groups(&log.read(102, ALL).unwrap()), [b"three"]);
    }
}

#[test]
fn a_group_is_kept_as_it_came_and_comes_back_as_it_was() {
    let folder = folder();
    let storage = opened(folder.path());
    let log = storage.open(LogId(0), 0).unwrap();
    let raw = b"to be or not to be, ".repeat(100);
    let ways = [
        Compression::None,
        Compression::Lz4,
        Compression::Zstd,
        Compression::Deflate,
    ];
    for compression in ways {
        let packed = Packed {
            compression,
            bytes: Bytes::from(compression.compress(&raw)),
        };
        let arriving = Arriving {
            packed: Some(packed),
            ..arriving(1, raw.clone())
        };
        append(&log, arriving).unwrap();
    }
    append(&log, arriving(1, raw.clone())).unwrap();
    append(&log, arriving(1, "")).unwrap();
    let batch = log.read(0, ALL).unwrap();
    let raw = raw.as_slice();
    assert_eq!(groups(&batch), [raw, raw, raw, raw, raw, b""]);
    // Only what came as it is takes its size.
    let kept = storage.shared.state(LogId(0), 0).get().bytes;
    assert!((2000..3000).contains(&kept), "{kept}");
}

#[test]
fn reads_keep_to_their_limits_and_to_the_bounds() {
    let folder = folder();
    let storage = opened(folder.path());
    let log = storage.open(LogId(0), 100).unwrap();
    for byte in 0..4_u8 {
        append(&log, arriving(1, vec![byte; 500])).unwrap();
    }
    let read = |from, groups, bytes| {
        let batch = log.read(from, ReadLimit { groups, bytes }).unwrap();
        batch.records.len()
    };
    assert_eq!(
        read(100, 1000, 10),
        1,
        "one, even when it is over the limit"
    );
    assert_eq!(read(100, 1000, 1000), 2);
    assert_eq!(read(101, 2, usize::MAX), 2);
    for outside in [0, 99, 104, u64::MAX] {
        assert_eq!(read(outside, 1000, usize::MAX), 0);
    }
    log.trim(102).unwrap();
    assert_eq!(read(101, 1000, usize::MAX), 0);
    assert_eq!(read(102, 1000, usize::MAX), 2);
    log.trim(u64::MAX).unwrap();
    let empty = Bounds {
        first: 104,
        next: 104,
    };
    assert_eq!(log.bounds(), empty);
    append(&log, arriving(1, "more")).unwrap();
    assert_eq!(groups(&log.read(104, ALL).unwrap()), [b"more"]);
}

#[test]
fn a_clock_that_steps_back_does_not_reach_the_receive_times() {
    let folder = folder();
    let storage = opened(folder.path());
    let log = storage.open(LogId(0), 0).unwrap();
    for seconds in [10, 5, 20, 15] {
        append(&log, arriving(seconds, "x")).unwrap();
    }
    let since = |seconds| log.first_received_since(at(seconds)).unwrap();
    assert_eq!(
        [since(9), since(10), since(11), since(20), since(21)],
        [0, 0, 2, 2, 4]
    );
    log.trim(1).unwrap();
    assert_eq!([since(0), since(11), since(21)], [1, 2, 4]);
}

/// Blocks the writer before its first commit until told to go on, and counts commits.
#[test]
fn those_who_wait_share_a_commit() {
    let folder = folder();
    let (go_on, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel::<()>();
    let wait = Mutex::new(Some((wait, begun)));
    let looks = Arc::new(AtomicUsize::new(0));
    let space = {
        let looks = Arc::clone(&looks);
        FreeSpace::new(move || {
            looks.fetch_add(1, Ordering::SeqCst);
            if let Some((wait, begun)) = wait.lock().unwrap().take() {
                begun.send(()).unwrap();
                wait.recv().unwrap();
            }
            None
        })
    };
    let storage = opened_with(folder.path(), space, Upkeep::default());
    let log = storage.open(LogId(0), 0).unwrap();
    let (sender, receiver) = mpsc::channel();
    for number in 0..101 {
        let sender = sender.clone();
        let done = Box::new(move |result| sender.send(result).unwrap());
        log.append(arriving(1, vec![number; 10]), done).unwrap();
        if number == 0 {
            has_begun.recv().unwrap();
        }
    }
    assert_eq!(log.bounds().next, 0, "nothing is seen before it is safe");
    go_on.send(()).unwrap();
    for _ in 0..101 {
        receiver.recv().unwrap().unwrap();
    }
    assert_eq!(log.bounds().next, 101);
    // Each commit looks twice, for groups and for anything at all.
    assert_eq!(looks.load(Ordering::SeqCst), 4);
}

#[test]
fn a_full_disk_refuses_groups_reads_on_and_recovers() {
    let folder = folder();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let space = {
        let free = Arc::clone(&free);
        FreeSpace::new(move || Some(free.load(Ordering::SeqCst)))
    };
    let storage = opened_with(folder.path(), space, Upkeep::default());
    let log = storage.open(LogId(0), 0).unwrap();
    append(&log, arriving(1, "kept")).unwrap();

    free.store(16 << 20, Ordering::SeqCst);
    let refused = append(&log, arriving(1, "refused"));
    assert_eq!(refused, Err(StorageError::DiskFull));
    assert_eq!(groups(&log.read(0, ALL).unwrap()), [b"kept"]);
    // What is small still goes, so that something can be deleted.
    let commit = |changes| (&storage as &dyn Storage).commit(changes);
    commit(Changes::default().write("a", Vec::new())).unwrap();
    free.store(1000, Ordering::SeqCst);
    let refused = commit(Changes::default().write("b", Vec::new()));
    assert_eq!(refused, Err(StorageError::DiskFull));

    free.store(u64::MAX, Ordering::SeqCst);
    append(&log, arriving(1, "taken")).unwrap();
    assert_eq!(groups(&log.read(0, ALL).unwrap()), [&b"kept"[..], b"taken"]);
}

#[test]
fn empty_shards_that_cannot_go_on_a_full_disk_do_not_keep_others_from_being_read() {
    let folder = folder();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let space = {
        let free = Arc::clone(&free);
        FreeSpace::new(move || Some(free.load(Ordering::SeqCst)))
    };
    let storage = opened_with(folder.path(), space, Upkeep::default());
    let engine = Engine::open(
        Arc::new(storage),
        PutRules::default(),
        DEFAULT_MAX_SHARDS,
        at(0),
    )
    .unwrap();
    let settings = |value| serde_json::from_value(value).unwrap();
    let none = settings(serde_json::json!({}));
    engine.create_project("shop", none, at(0)).unwrap();
    let orders = serde_json::json!({"logstoreName": "orders", "ttl": 1, "shardCount": 1});
    engine
        .create_logstore("shop", settings(orders), at(0))
        .unwrap();
    let logstore = engine.logstore("shop", "orders").unwrap();
    logstore
        .split(ShardId(0), SplitAt::Parts(2), at(1))
        .unwrap();

    let later = at(3 * 24 * 60 * 60);
    let look = || logstore.cursor(ShardId(1), CursorPosition::Begin, later);
    free.store(0, Ordering::SeqCst);
    assert!(look().is_ok());
    assert_eq!(logstore.shards(later).unwrap().len(), 3);
    free.store(u64::MAX, Ordering::SeqCst);
    assert!(look().is_ok());
    assert_eq!(logstore.shards(later).unwrap().len(), 2);
}

#[test]
fn deleted_groups_make_room_on_a_full_disk() {
    let folder = folder();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let space = {
        let free = Arc::clone(&free);
        FreeSpace::new(move || Some(free.load(Ordering::SeqCst)))
    };
    let storage = opened_with(folder.path(), space, Upkeep::default());
    let log = storage.open(LogId(0), 0).unwrap();
    let large = |seed: u8| noise(seed, 3 << 20);
    for seed in 0..12 {
        append(&log, arriving(1, large(seed))).unwrap();
    }
    free.store(16 << 20, Ordering::SeqCst);
    assert_eq!(
        append(&log, arriving(1, large(12))),
        Err(StorageError::DiskFull)
    );
    let removal = Changes::default().remove(LogId(0));
    (&storage as &dyn Storage).commit(removal).unwrap();
    let other = storage.open(LogId(1), 0).unwrap();
    // Deleting goes on beside whatever else is written.
    while storage.shared.logs().contains_key(&LogId(0)) {
        std::thread::yield_now();
    }
    append(&other, arriving(1, large(12))).unwrap();
    free.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(append(&log, arriving(1, "late")), Err(StorageError::Gone));
}

#[test]
fn what_was_deleted_is_gone_from_the_file_also_when_the_end_came_between() {
    let folder = folder();
    {
        let storage = opened(folder.path());
        let log = storage.open(LogId(0), 0).unwrap();
        for _ in 0..3000 {
            log.append(arriving(1, "x"), Box::new(|result| result.unwrap()))
                .unwrap();
        }
        let changes = Changes::default().remove(LogId(0)).write("a", Vec::new());
        (&storage as &dyn Storage).commit(changes).unwrap();
    }
    let storage = opened(folder.path());
    while storage.shared.logs().contains_key(&LogId(0)) {
        std::thread::yield_now();
    }
    storage.close();
    let database = format::open(folder.path(), CACHE).unwrap();
    assert_eq!(format::logs(&database).unwrap(), []);
    let groups = database
        .begin_read()
        .unwrap()
        .open_table(format::GROUPS)
        .unwrap();
    assert!(redb::ReadableTableMetadata::is_empty(&groups).unwrap());
}

#[test]
fn a_second_server_is_kept_out_until_the_first_ends() {
    let folder = folder();
    let storage = opened(folder.path());
    assert!(matches!(refused(folder.path()), OpenError::InUse));
    storage.close();
    let log = storage.open(LogId(0), 0).unwrap();
    let late = log.append(arriving(1, "x"), Box::new(|_| ()));
    assert_eq!(late, Err(StorageError::Closed));
    assert_eq!(storage.facts("").unwrap_err(), StorageError::Closed);
    drop(opened(folder.path()));
}

#[test]
fn a_later_format_is_refused_and_left_alone() {
    let folder = folder();
    drop(opened(folder.path()));
    let database = Database::open(format::store(folder.path())).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    transaction
        .open_table(meta)
        .unwrap()
        .insert("version", 2)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let before = fs::read(format::store(folder.path())).unwrap();
    let found = refused(folder.path());
    assert!(
        matches!(found, OpenError::Newer { found: 2, known: 1 }),
        "{found:?}"
    );
    assert!(fs::read(format::store(folder.path())).unwrap() == before);
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = folder();
    {
        let storage = opened(folder.path());
        let log = storage.open(LogId(0), 0).unwrap();
        for _ in 0..100 {
            append(&log, arriving(1, vec![7; 1000])).unwrap();
        }
    }
    let whole = fs::read(format::store(folder.path())).unwrap();
    let mut garbage = whole.clone();
    garbage[..4096].fill(0x5a);
    let mut scrambled = whole.clone();
    scrambled[4096..].fill(0x5a);
    let cases = [
        ("empty", Vec::new()),
        ("cut short", whole[..whole.len() / 2].to_vec()),
        ("another kind of file", b"not a store at all".repeat(1000)),
        ("a header of garbage", garbage),
        ("pages of garbage", scrambled),
    ];
    for (name, bytes) in cases {
        fs::write(format::store(folder.path()), &bytes).unwrap();
        let found = refused(folder.path());
        assert!(matches!(found, OpenError::Damaged(_)), "{name}: {found:?}");
    }
    fs::write(format::store(folder.path()), whole).unwrap();
    drop(opened(folder.path()));
}

#[test]
fn a_group_with_a_flipped_bit_is_refused_and_the_others_are_read() {
    let folder = folder();
    {
        let storage = opened(folder.path());
        let log = storage.open(LogId(0), 0).unwrap();
        // Nothing to compress, so that the bytes are found in the file.
        append(&log, arriving(1, "abcdefghijklmnopqrstuvwxyz")).unwrap();
        append(&log, arriving(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")).unwrap();
    }
    let mut bytes = fs::read(format::store(folder.path())).unwrap();
    let places: Vec<_> = (0..bytes.len())
        .filter(|place| bytes[*place..].starts_with(b"abcdefghijklm"))
        .collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place] ^= 1;
    }
    fs::write(format::store(folder.path()), bytes).unwrap();
    let storage = opened(folder.path());
    let log = storage.open(LogId(0), 0).unwrap();
    let found = log.read(0, ALL).unwrap_err();
    assert!(matches!(found, StorageError::Damaged(_)), "{found:?}");
    assert_eq!(
        groups(&log.read(1, ALL).unwrap()),
        [b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    );
}

#[test]
fn a_store_that_was_not_finished_is_begun_anew() {
    let folder = folder();
    fs::create_dir_all(folder.path()).unwrap();
    fs::write(folder.path().join("store.redb.new"), b"half").unwrap();
    drop(opened(folder.path()));
    assert!(!folder.path().join("store.redb.new").exists());
}

#[test]
fn too_much_that_waits_is_refused() {
    let folder = folder();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(Some(wait));
    let space = FreeSpace::new(move || {
        if let Some(wait) = wait.lock().unwrap().take() {
            wait.recv().unwrap();
        }
        None
    });
    let storage = opened_with(folder.path(), space, Upkeep::default());
    let log = storage.open(LogId(0), 0).unwrap();
    let mut taken = 0;
    loop {
        let done = Box::new(|result: Result<(), _>| result.unwrap());
        match log.append(arriving(1, "x"), done) {
            Ok(()) => taken += 1,
            Err(error) => break assert_eq!(error, StorageError::Busy),
        }
        assert!(taken < 100_000);
    }
    go_on.send(()).unwrap();
    storage.close();
    assert_eq!(
        log.bounds().next,
        taken,
        "what was taken is written before the end"
    );
}

/// Whether all of the file has to be read before it can be used.
fn has_to_be_checked(folder: &Path) -> bool {
    let mut builder = Database::builder();
    builder.set_repair_callback(redb::RepairSession::abort);
    match builder.open(format::store(folder)) {
        Ok(_) => false,
        Err(redb::DatabaseError::RepairAborted) => true,
        Err(other) => panic!("{other}"),
    }
}

/// The whole file was read after every kill, however large it was.
#[test]
fn a_large_file_need_not_be_read_whole_after_a_kill() {
    let folder = folder();
    let upkeep = Upkeep {
        noted_from: 8 << 20,
        ..Upkeep::default()
    };
    let storage = opened_with(folder.path(), no_limit(), upkeep);
    let log = storage.open(LogId(0), 0).unwrap();
    append(&log, arriving(1, "small")).unwrap();
    let small = killed(folder.path());
    append(&log, arriving(1, noise(1, 8 << 20))).unwrap();
    append(&log, arriving(1, "after")).unwrap();
    let large = killed(folder.path());
    assert!(has_to_be_checked(small.path()), "or this tests nothing");
    assert!(!has_to_be_checked(large.path()));
    let storage = opened(large.path());
    let log = storage.open(LogId(0), 0).unwrap();
    assert_eq!(groups(&log.read(2, ALL).unwrap()), [b"after"]);
    append(&log, arriving(1, "more")).unwrap();
    assert_eq!(groups(&log.read(3, ALL).unwrap()), [b"more"]);
}

#[test]
fn a_file_that_was_left_alone_for_a_moment_need_not_be_read_whole_after_a_kill() {
    let folder = folder();
    // Looked at before every commit, the one at rest included.
    let (looked, looks) = mpsc::channel();
    let looked = Mutex::new(looked);
    let space = FreeSpace::new(move || {
        let _ = looked.lock().unwrap().send(());
        None
    });
    let upkeep = Upkeep {
        idle_after: Duration::from_millis(1),
        ..Upkeep::default()
    };
    let storage = opened_with(folder.path(), space, upkeep);
    let log = storage.open(LogId(0), 0).unwrap();
    append(&log, arriving(1, "x")).unwrap();
    // Two looks for the put, one for the commit at rest.
    for _ in 0..3 {
        looks.recv().unwrap();
    }
    storage.shared.queue.close();
    let writer = storage.writer.lock().unwrap().take().unwrap();
    writer.join().unwrap();
    assert!(!has_to_be_checked(killed(folder.path()).path()));
}

fn file_of(folder: &Path) -> u64 {
    room::taken(&format::store(folder))
}

/// Fills a folder with 24 MiB and deletes all but a little.
fn mostly_empty() -> TempDir {
    let folder = folder();
    let storage = opened(folder.path());
    let kept = storage.open(LogId(0), 0).unwrap();
    let log = storage.open(LogId(1), 0).unwrap();
    for seed in 0..8 {
        append(&log, arriving(1, noise(seed, 3 << 20))).unwrap();
        // Behind what is deleted, where the store does not give anything back.
        append(&kept, arriving(7, noise(seed, 100_000))).unwrap();
    }
    let changes = Changes::default().remove(LogId(1)).write("a", vec![1]);
    (&storage as &dyn Storage).commit(changes).unwrap();
    while storage.shared.logs().contains_key(&LogId(1)) {
        std::thread::yield_now();
    }
    folder
}

#[track_caller]
fn check_what_is_kept(storage: &DiskStorage) {
    let log = storage.open(LogId(0), 0).unwrap();
    let batch = log.read(0, ALL).unwrap();
    let wanted: Vec<_> = (0..8).map(|seed| noise(seed, 100_000)).collect();
    assert!(groups(&batch)[..8] == wanted);
    assert_eq!(batch.records[0].received, at(7));
    let facts = storage.facts("a").unwrap();
    assert_eq!(facts, [("a".to_owned(), vec![1])]);
}

/// A file that had once been large was so for ever.
#[test]
fn a_file_that_is_mostly_free_is_made_smaller_by_a_start() {
    let folder = mostly_empty();
    let before = file_of(folder.path());
    assert!(before > 20 << 20, "{before}");
    let upkeep = Upkeep {
        compacted_from: 1 << 20,
        ..Upkeep::default()
    };
    let storage = opened_with(folder.path(), no_limit(), upkeep);
    let after = file_of(folder.path());
    assert!(after < 6 << 20, "{after}");
    assert!(!format::unfinished(folder.path()).exists());
    check_what_is_kept(&storage);
    let log = storage.open(LogId(0), 0).unwrap();
    append(&log, arriving(8, "more")).unwrap();
    drop(storage);
    check_what_is_kept(&opened(killed(folder.path()).path()));
}

#[test]
fn a_file_that_cannot_be_made_smaller_stays_as_it_is() {
    let folder = mostly_empty();
    let before = fs::metadata(format::store(folder.path())).unwrap().len();
    let upkeep = Upkeep {
        compacted_from: 1 << 20,
        ..Upkeep::default()
    };
    let no_time = Upkeep {
        compacted_within: Duration::ZERO,
        ..upkeep
    };
    let no_room = FreeSpace::new(|| Some(17 << 20));
    for (space, upkeep) in [(no_limit(), no_time), (no_room, upkeep)] {
        let storage = opened_with(folder.path(), space, upkeep);
        check_what_is_kept(&storage);
        drop(storage);
        assert!(!format::unfinished(folder.path()).exists());
        let after = fs::metadata(format::store(folder.path())).unwrap().len();
        assert!(after >= before, "{after} of {before}");
    }
}

/// Each refused logstore left one entry for each of its shards.
#[test]
fn a_logstore_that_is_not_made_leaves_nothing_behind() {
    let folder = folder();
    let storage = Arc::new(opened(folder.path()));
    let engine = Engine::open(
        Arc::clone(&storage) as Arc<dyn Storage>,
        PutRules::default(),
        DEFAULT_MAX_SHARDS,
        at(0),
    )
    .unwrap();
    let settings = |value| serde_json::from_value(value).unwrap();
    let none = settings(serde_json::json!({}));
    engine.create_project("shop", none, at(0)).unwrap();
    let create = || {
        let orders = serde_json::json!({"logstoreName": "orders", "ttl": 1, "shardCount": 8});
        engine.create_logstore("shop", settings(orders), at(0))
    };
    create().unwrap();
    for _ in 0..3 {
        create().unwrap_err();
    }
    let known = || storage.shared.logs().len();
    assert_eq!(known(), 8);
    engine.delete_logstore("shop", "orders").unwrap();
    while known() > 0 {
        std::thread::yield_now();
    }
    create().unwrap();
    assert_eq!(known(), 8);
}

#[test]
fn a_log_that_was_stored_is_known_when_nobody_holds_it() {
    let folder = folder();
    let storage = opened(folder.path());
    let log = storage.open(LogId(0), 100).unwrap();
    append(&log, arriving(1, "x")).unwrap();
    log.trim(101).unwrap();
    drop(log);
    let log = storage.open(LogId(0), 0).unwrap();
    assert_eq!(log.bounds().next, 101, "or positions would come again");
    drop(storage.open(LogId(1), 50).unwrap());
    assert_eq!(storage.shared.logs().len(), 1);
}

/// Bytes anywhere in the file may have changed; the store itself does not look, and panics
/// over some that make no sense.
#[test]
fn whatever_is_damaged_is_an_error_and_no_panic() {
    let folder = folder();
    {
        let storage = opened(folder.path());
        let log = storage.open(LogId(0), 0).unwrap();
        for number in 0..60 {
            append(&log, arriving(1, noise(number, 300))).unwrap();
        }
    }
    let whole = fs::read(format::store(folder.path())).unwrap();
    // A part of them tells enough; many are free.
    let pages: Vec<_> = (1..whole.len() / 4096)
        .filter(|page| whole[page * 4096..][..4096].iter().any(|byte| *byte != 0))
        .step_by(4)
        .collect();
    let mut damaged = 0;
    for (turn, page) in pages.iter().enumerate() {
        let mut bytes = whole.clone();
        let length = [8, 64, 4096][turn % 3];
        bytes[page * 4096..][..length].copy_from_slice(&noise(turn as u8, length));
        fs::write(format::store(folder.path()), bytes).unwrap();
        let opened = DiskStorage::open(folder.path(), CACHE);
        let Ok(storage) = opened else {
            damaged += 1;
            continue;
        };
        let log = storage.open(LogId(0), 0).unwrap();
        let mut from = log.bounds().first;
        while from < log.bounds().next {
            let limit = ReadLimit {
                groups: 10,
                bytes: usize::MAX,
            };
            match log.read(from, limit) {
                Ok(batch) => from += batch.records.len() as u64,
                Err(error) => {
                    assert!(matches!(error, StorageError::Damaged(_)), "{error:?}");
                    damaged += 1;
                    break;
                }
            }
        }
        let _ = log.first_received_since(at(1));
        let _ = storage.facts("");
    }
    assert!(damaged >= 5, "{damaged} of {}", pages.len());
}

/// A log that forgets its end would use positions twice.
#[test]
fn a_log_that_has_other_groups_than_it_should_is_refused() {
    for change in [-1_i64, 1] {
        let folder = folder();
        {
            let storage = opened(folder.path());
            let log = storage.open(LogId(0), 0).unwrap();
            append(&log, arriving(1, "one")).unwrap();
            append(&log, arriving(1, "two")).unwrap();
        }
        let database = Database::open(format::store(folder.path())).unwrap();
        let mut row = format::logs(&database).unwrap()[0].1;
        row.next = row.next.wrapping_add_signed(change);
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(format::LOGS)
            .unwrap()
            .insert(0, row.numbers())
            .unwrap();
        transaction.commit().unwrap();
        drop(database);
        let found = refused(folder.path());
        assert!(matches!(found, OpenError::Damaged(_)), "{found:?}");
    }
}

#[test]
fn what_a_copy_that_was_cut_off_has_left_is_removed() {
    let folder = folder();
    drop(opened(folder.path()));
    fs::write(format::unfinished(folder.path()), b"half").unwrap();
    drop(opened(folder.path()));
    assert!(!format::unfinished(folder.path()).exists());
}
