use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::super::disk::memory::Fault;
use super::super::{DamageKind, Fsync};
use super::*;

fn every_record() -> SpoolConfig {
    small().with_fsync(Fsync::EveryRecord)
}

/// Any instant; nothing here reads a clock.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to have one"
)]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn a_write_that_fails_leaves_nothing_and_the_next_one_works() {
    for written in [0, 1, 31, 32, 60, 5000] {
        let machine = MemoryDisk::new();
        let disk = machine.process();
        let mut spool = open(&disk, small());
        let _held = append(&mut spool, 0, 500).unwrap();
        disk.fail(Fault::Write(written, ErrorKind::StorageFull));
        let error = append(&mut spool, 1, 500).unwrap_err();
        assert!(error.is_full(), "{error}");
        let _held = append(&mut spool, 2, 500).unwrap();
        disk.kill();
        let mut spool = open(&machine.process(), small());
        assert_eq!(drain(&mut spool), (vec![0, 2], vec![]), "{written}");
    }
}

#[test]
fn a_write_that_fails_and_cannot_be_taken_back_harms_no_other() {
    for written in [1, 31, 60, 400] {
        let machine = MemoryDisk::new();
        let disk = machine.process();
        let mut spool = open(&disk, small());
        let _held = append(&mut spool, 0, 500).unwrap();
        disk.fail(Fault::Write(written, ErrorKind::Other));
        disk.fail(Fault::Truncate);
        append(&mut spool, 1, 500).unwrap_err();
        let _held = append(&mut spool, 2, 500).unwrap();
        disk.kill();
        let (numbers, damages) = drain(&mut open(&machine.process(), small()));
        assert_eq!(numbers, [0, 2]);
        assert_eq!(damages.len(), 1);
        assert_eq!(damages[0].kind, DamageKind::TornTail);
        assert_eq!(damages[0].bytes, written as u64);
    }
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    disk.set_capacity(Some(9000));
    let mut ids = Vec::new();
    let error = loop {
        match append(&mut spool, ids.len() as u64, 1000) {
            Ok(id) => ids.push(id),
            Err(error) => break error,
        }
    };
    assert!(error.is_full(), "{error}");
    assert!(ids.len() > 5);
    // Acknowledgements need room, too: where there is none they are kept and written later.
    disk.set_capacity(Some(0));
    let last = ids.pop().unwrap();
    assert!(spool.acknowledge(last).unwrap_err().is_full());
    disk.set_capacity(None);
    let second = ids.pop().unwrap();
    spool.acknowledge(second).unwrap();
    let _held = append(&mut spool, 100, 1000).unwrap();
    disk.kill();
    let mut expected: Vec<u64> = (0..ids.len() as u64).collect();
    expected.push(100);
    let (numbers, damages) = drain(&mut open(&disk.process(), small()));
    assert_eq!((numbers, damages), (expected, vec![]));
}

#[test]
fn a_failed_sync_is_told_once_and_what_follows_goes_to_a_new_file() {
    let machine = MemoryDisk::new();
    let disk = machine.process();
    let mut spool = open(&disk, every_record());
    let _held = append(&mut spool, 0, 100).unwrap();
    spool.commit(start()).unwrap();
    let lost = append(&mut spool, 1, 100).unwrap();
    disk.fail(Fault::Sync);
    assert!(matches!(
        spool.commit(start()),
        Err(SpoolError::NotDurable { .. })
    ));
    assert_eq!(spool.stats().failed_syncs, 1);
    // Who has it in memory writes it again, to another file, and takes the first one back.
    let _held = append(&mut spool, 1, 100).unwrap();
    spool.commit(start()).unwrap();
    spool.acknowledge(lost).unwrap();
    assert_eq!(spool.stats().segments, 2);
    // The worst that power can do: nothing is left that was not durable.
    disk.lose_power(|choices| usize::from(choices == 2));
    assert_eq!(drain(&mut open(&machine.process(), small())).0, [0, 1]);
}

#[test]
fn a_failed_sync_of_the_segment_before_is_told_by_the_next_commit() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, every_record());
    disk.fail(Fault::Sync);
    // The second does not fit beside the first, so that its segment is ended in between.
    let _held = append(&mut spool, 0, 3000).unwrap();
    let _held = append(&mut spool, 1, 3000).unwrap();
    let error = spool.commit(start()).unwrap_err();
    assert!(matches!(error, SpoolError::NotDurable { .. }), "{error}");
    spool.commit(start()).unwrap();
}

#[test]
fn names_of_files_are_durable_before_a_commit_returns() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, every_record());
    let _held = append(&mut spool, 0, 100).unwrap();
    disk.fail(Fault::SyncFolder);
    assert!(spool.commit(start()).is_err());
    let _held = append(&mut spool, 1, 100).unwrap();
    spool.commit(start()).unwrap();
    disk.lose_power(|choices| usize::from(choices == 2));
    assert_eq!(drain(&mut open(&disk.process(), small())).0, [0, 1]);
}

#[test]
fn an_interval_syncs_once_per_interval_and_says_when() {
    let interval = Duration::from_millis(100);
    let machine = MemoryDisk::new();
    let disk = machine.process();
    let mut spool = open(&disk, small().with_fsync(Fsync::Interval(interval)));
    let start = start();
    assert_eq!(spool.next_commit(), None);
    let _held = append(&mut spool, 0, 10).unwrap();
    spool.commit(start).unwrap();
    assert_eq!(spool.next_commit(), Some(start + interval));
    let _held = append(&mut spool, 1, 10).unwrap();
    spool.commit(start + interval / 2).unwrap();
    spool.commit(start + interval).unwrap();
    assert_eq!(spool.next_commit(), None);
    let _held = append(&mut spool, 2, 10).unwrap();
    spool.commit(start + interval).unwrap();
    disk.lose_power(|choices| usize::from(choices == 2));
    assert_eq!(drain(&mut open(&machine.process(), small())).0, [0, 1]);
}

#[test]
fn files_that_cannot_be_removed_are_counted_and_tried_again() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    let ids: Vec<EntryId> = (0..2)
        .map(|n| append(&mut spool, n, 3000).unwrap())
        .collect();
    let before = spool.stats().bytes;
    disk.fail(Fault::Remove);
    for id in ids {
        spool.acknowledge(id).unwrap();
    }
    assert!(spool.stats().bytes >= before);
    spool.close().unwrap();
    assert!(disk.files().is_empty(), "{:?}", disk.files());
}

#[test]
fn a_segment_that_cannot_be_read_stays_for_the_next_start_and_others_come() {
    let machine = MemoryDisk::new();
    let disk = machine.process();
    let mut spool = open(&disk, small());
    for n in 0..3 {
        let _held = append(&mut spool, n, 3000).unwrap();
    }
    disk.kill();
    let disk = machine.process();
    let mut spool = open(&disk, small());
    disk.fail(Fault::Read);
    let (numbers, damages) = drain(&mut spool);
    assert_eq!(numbers, [1, 2]);
    assert_eq!(damages.len(), 1);
    assert_eq!(damages[0].kind, DamageKind::Unreadable(ErrorKind::Other));
    spool.close().unwrap();
    assert_eq!(drain(&mut open(&machine.process(), small())).0, [0]);
}

#[test]
fn a_record_is_one_write() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    let _held = append(&mut spool, 0, 100).unwrap();
    let before = disk.writes();
    for n in 1..11 {
        let _held = append(&mut spool, n, 100).unwrap();
    }
    assert_eq!(disk.writes() - before, 10);
}
