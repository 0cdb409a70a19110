use super::*;

#[test]
fn what_is_not_acknowledged_comes_out_of_the_next_spool_in_its_order() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    let mut ids: Vec<EntryId> = (0..20)
        .map(|n| append(&mut spool, n, 700).unwrap())
        .collect();
    spool.acknowledge(ids.remove(7)).unwrap();
    spool.acknowledge(ids.remove(0)).unwrap();
    assert!(spool.next_pending().is_none(), "they are held");
    disk.kill();

    let mut next = open(&disk.process(), small());
    let mut expected: Vec<u64> = (0..20).collect();
    expected.remove(7);
    expected.remove(0);
    assert_eq!(drain(&mut next), (expected, vec![]));
    next.close().unwrap();
    assert!(disk.files().is_empty(), "{:?}", disk.files());
    assert_eq!(disk.folders(), [Path::new(ROOT)]);
}

#[test]
fn left_overs_of_several_processes_come_oldest_first() {
    let disk = MemoryDisk::new();
    for process in 0..5 {
        // Each one takes over what the ones before it left, and dies as well.
        let disk = disk.process();
        let mut spool = open(&disk, small());
        for n in 0..3 {
            let _held = append(&mut spool, process * 3 + n, 2000).unwrap();
        }
        disk.kill();
    }
    let mut spool = open(&disk.process(), small());
    let _held = append(&mut spool, 99, 10).unwrap();
    assert_eq!(drain(&mut spool).0, (0..15).collect::<Vec<_>>());
}

#[test]
fn a_folder_in_use_is_nobody_elses() {
    let disk = MemoryDisk::new();
    let (one, two) = (disk.process(), disk.process());
    let mut first = open(&one, small());
    let held = append(&mut first, 1, 10).unwrap();
    let mut second = open(&two, small());
    assert_eq!(second.adopt().unwrap(), 0);
    assert!(second.next_pending().is_none());

    // Once its process has ended, exactly one of those that are left takes it.
    let mut third = open(&disk.process(), small());
    one.kill();
    assert_eq!(second.adopt().unwrap() + third.adopt().unwrap(), 1);
    assert_eq!(drain(&mut second).0, [1]);
    assert!(third.next_pending().is_none());
    first.release(held);
    assert!(
        first.next_pending().is_none(),
        "a dead process does nothing"
    );
}

#[test]
fn the_child_of_a_fork_touches_nothing_of_its_parent() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    let id = append(&mut spool, 1, 10).unwrap();
    let files = disk.files();
    // The same object in a process of another number.
    disk.kill();
    assert!(matches!(append(&mut spool, 2, 10), Err(SpoolError::Forked)));
    assert!(matches!(spool.acknowledge(id), Err(SpoolError::Forked)));
    assert!(matches!(spool.sync(), Err(SpoolError::Forked)));
    assert!(spool.next_pending().is_none());
    drop(spool);
    assert_eq!(disk.files(), files);
}

#[test]
fn a_crash_while_taking_over_loses_nothing_and_repeats_nothing() {
    for lifetime in 0..80 {
        let machine = MemoryDisk::new();
        let disk = machine.process();
        let mut spool = open(&disk, small());
        let mut ids: Vec<EntryId> = (0..9)
            .map(|n| append(&mut spool, n, 1500).unwrap())
            .collect();
        spool.acknowledge(ids.remove(4)).unwrap();
        disk.kill();

        let disk = machine.process();
        disk.kill_after(lifetime);
        let opened = Spool::open_on(Box::new(disk.clone()), Path::new(ROOT), small());
        disk.kill();
        drop(opened);

        let mut spool = open(&machine.process(), small());
        assert_eq!(
            drain(&mut spool),
            (vec![0, 1, 2, 3, 5, 6, 7, 8], vec![]),
            "{lifetime}"
        );
    }
}

#[test]
fn left_overs_count_for_the_limit() {
    let disk = MemoryDisk::new();
    let first = disk.process();
    let mut spool = open(&first, small());
    let mut ids = Vec::new();
    let full = loop {
        match append(&mut spool, ids.len() as u64, 3000) {
            Ok(id) => ids.push(id),
            Err(error) => break error,
        }
    };
    assert!(full.is_full(), "{full}");
    let on_disk: usize = disk
        .files()
        .iter()
        .map(|file| disk.contents(file).len())
        .sum();
    assert_eq!(spool.stats().bytes, on_disk as u64);
    assert!((60_000..=64 << 10).contains(&on_disk), "{on_disk}");
    first.kill();

    let mut spool = open(&disk.process(), small());
    assert!(matches!(
        append(&mut spool, 100, 3000),
        Err(SpoolError::Full { .. })
    ));
    // One segment done makes room for one.
    let entry = spool.next_pending().unwrap().unwrap();
    assert_eq!(number(&entry), 0);
    spool.acknowledge(entry.id).unwrap();
    let _held = append(&mut spool, 100, 3000).unwrap();
}

#[test]
fn entries_that_are_released_come_back_and_those_in_memory_do_not() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    let mut ids: Vec<Option<EntryId>> = (0..10)
        .map(|n| Some(append(&mut spool, n, 900).unwrap()))
        .collect();
    for n in [8, 3, 4, 2] {
        spool.release(ids[n].take().unwrap());
    }
    assert_eq!(drain(&mut spool).0, [2, 3, 4, 8]);
    for id in ids.into_iter().flatten() {
        spool.acknowledge(id).unwrap();
    }
    spool.close().unwrap();
    assert!(disk.files().is_empty());
}

#[test]
fn a_record_above_a_segment_has_one_to_itself() {
    let disk = MemoryDisk::new().process();
    let mut spool = open(&disk, small());
    for (n, bytes) in [(0, 100), (1, 30_000), (2, 100)] {
        let _held = append(&mut spool, n, bytes).unwrap();
    }
    assert_eq!(spool.stats().segments, 3);
    assert!(matches!(
        append(&mut spool, 3, 64 << 10),
        Err(SpoolError::TooLarge { .. })
    ));
    disk.kill();
    assert_eq!(drain(&mut open(&disk.process(), small())).0, [0, 1, 2]);
}

#[test]
fn ends_that_do_not_fit_are_refused() {
    let mut spool = open(&MemoryDisk::new().process(), small());
    for ends in [&[2, 1, 3][..], &[2], &[4], &[]] {
        let record = Record {
            lane: b"",
            ends,
            bytes: b"abc",
        };
        assert!(matches!(spool.append(record), Err(SpoolError::Malformed)));
    }
}
