use std::path::PathBuf;

use proptest::prelude::*;

use super::super::DamageKind;
use super::super::format::segment_head;
use super::*;

/// A machine whose process left records of these sizes, some of them done.
fn left(sizes: &[usize], done: &[usize]) -> MemoryDisk {
    let machine = MemoryDisk::new();
    let disk = machine.process();
    let mut spool = open(&disk, small());
    let mut ids: Vec<Option<EntryId>> = sizes
        .iter()
        .zip(0..)
        .map(|(bytes, n)| Some(append(&mut spool, n, *bytes).unwrap()))
        .collect();
    for n in done {
        if let Some(id) = ids[*n].take() {
            spool.acknowledge(id).unwrap();
        }
    }
    disk.kill();
    machine
}

fn files(disk: &MemoryDisk, extension: &str) -> Vec<PathBuf> {
    let is = |path: &PathBuf| path.extension().is_some_and(|ours| ours == extension);
    disk.files().into_iter().filter(is).collect()
}

proptest! {
    /// The same, a hundred thousand times and on a real disk, is in the suite `handler`.
    #[test]
    fn a_flipped_byte_is_reported_and_costs_one_record_at_most(
        sizes in prop::collection::vec(8_usize..1500, 1..20),
        done in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        file in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let done: Vec<usize> = done.iter().map(|n| n.index(sizes.len())).collect();
        let machine = left(&sizes, &done);
        let files: Vec<PathBuf> =
            [files(&machine, "seg"), files(&machine, "ack")].concat();
        prop_assume!(!files.is_empty());
        let path = file.get(&files);
        let mut bytes = machine.contents(path);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        machine.put(path, bytes);

        let (numbers, damages) = drain(&mut open(&machine.process(), small()));
        let expected: Vec<u64> = (0..sizes.len())
            .filter(|n| !done.contains(n))
            .map(|n| n as u64)
            .collect();
        prop_assert!(numbers.is_sorted());
        if path.extension().unwrap() == "ack" {
            // One acknowledgement is gone, so one comes again.
            prop_assert_eq!(numbers.len(), expected.len() + 1);
            prop_assert!(expected.iter().all(|n| numbers.contains(n)));
            prop_assert_eq!(damages.len(), 1);
            prop_assert_eq!(damages[0].kind, DamageKind::Acknowledgements);
        } else {
            prop_assert!(numbers.iter().all(|n| expected.contains(n)));
            prop_assert!(numbers.len() + 1 >= expected.len());
            // Damage is seen, unless it is inside a record that is done and no longer read.
            if numbers.len() < expected.len() {
                prop_assert_eq!(damages.len(), 1);
                prop_assert!(damages[0].bytes > 0);
            }
        }
    }

    #[test]
    fn folders_of_garbage_are_walked_over(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..5),
    ) {
        let machine = left(&[100, 100], &[]);
        let folder = Path::new(ROOT).join("0000000000.spool");
        let mut total = 0;
        for (n, bytes) in contents.iter().enumerate() {
            total += bytes.len() as u64;
            let name = format!("0000000000-{n:016x}-{:016x}", 5);
            machine.put(&folder.join(format!("{name}.seg")), bytes.clone());
            machine.put(&folder.join(format!("{name}.ack")), bytes.clone());
        }
        let mut spool = open(&machine.process(), small());
        let (numbers, damages) = drain(&mut spool);
        prop_assert_eq!(numbers, [0, 1]);
        let records: u64 = damages
            .iter()
            .filter(|damage| damage.kind != DamageKind::Acknowledgements)
            .map(|damage| damage.bytes)
            .sum();
        prop_assert_eq!(records, total);
        prop_assert_eq!(spool.stats().damaged_bytes, total);
        spool.close().unwrap();
        prop_assert!(machine.files().is_empty());
    }
}

#[test]
fn a_segment_without_its_head_gives_all_its_records() {
    for cut in [1, 16, 32] {
        let machine = left(&[100, 200, 300], &[1]);
        let path = &files(&machine, "seg")[0];
        let bytes = machine.contents(path);
        machine.put(path, bytes[cut..].to_vec());
        // The file's name tells what its head told.
        let (numbers, damages) = drain(&mut open(&machine.process(), small()));
        assert_eq!(numbers, [0, 2], "{cut}");
        let skipped: u64 = damages.iter().map(|damage| damage.bytes).sum();
        assert_eq!(skipped, 32 - cut as u64);
    }
}

#[test]
fn a_newer_version_is_reported_and_left_alone() {
    let machine = left(&[100], &[]);
    let mut head = segment_head(7);
    head[8] = 9;
    let check = crc32fast::hash(&head[..28]);
    head[28..].copy_from_slice(&check.to_le_bytes());
    let newer = Path::new(ROOT)
        .join("0000000000.spool")
        .join("0000000000-0000000000000000-0000000000000007.seg");
    machine.put(&newer, head.to_vec());
    let mut spool = open(&machine.process(), small());
    let (numbers, damages) = drain(&mut spool);
    assert_eq!(numbers, [0]);
    assert_eq!(damages.len(), 1);
    assert_eq!(damages[0].kind, DamageKind::NewerVersion(9));
    let text = damages[0].to_string();
    assert!(
        text.contains("version 9") && text.contains("up to 1"),
        "{text}"
    );
    spool.close().unwrap();
    let left = files(&machine, "seg");
    assert_eq!(left.len(), 1);
    assert_eq!(machine.contents(&left[0]), head);
}

#[test]
fn files_of_others_are_reported_and_left_alone() {
    let machine = left(&[100], &[]);
    let notes = Path::new(ROOT).join("0000000001.spool").join("notes.txt");
    machine.put(&notes, b"mine".to_vec());
    // Beside the folders, they are nobody's business.
    let beside = Path::new(ROOT).join("readme");
    machine.put(&beside, b"mine".to_vec());
    let mut spool = open(&machine.process(), small());
    let (numbers, damages) = drain(&mut spool);
    assert_eq!(numbers, [0]);
    assert_eq!(damages.len(), 1);
    assert_eq!(
        (&damages[0].path, damages[0].kind),
        (&notes, DamageKind::Foreign)
    );
    spool.close().unwrap();
    assert_eq!(machine.contents(&notes), b"mine");
    assert_eq!(machine.contents(&beside), b"mine");
}

#[test]
fn a_length_that_is_not_there_takes_no_memory() {
    // A head that is intact, and tells of 64 MiB in a file of a few bytes.
    let machine = left(&[100, 100], &[]);
    let path = &files(&machine, "seg")[0];
    let bytes = machine.contents(path);
    let mut lines = Vec::new();
    super::super::format::write_record(&mut lines, salt(path), 1, b"", &[], &vec![0; 64 << 20]);
    let good = bytes.len() - (bytes.len() - 32) / 2;
    let mut cut = bytes[..good].to_vec();
    cut.extend_from_slice(&lines);
    cut.extend_from_slice(&bytes[good..]);
    machine.put(path, cut);
    let (numbers, damages) = drain(&mut open(&machine.process(), small()));
    assert_eq!(numbers, [0, 1]);
    assert_eq!(damages.len(), 1);
    assert_eq!(damages[0].bytes, lines.len() as u64);
}

fn salt(path: &Path) -> u64 {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    u64::from_str_radix(stem.rsplit('-').next().unwrap(), 16).unwrap()
}

#[test]
fn reports_are_bounded_and_the_rest_is_counted() {
    let machine = left(&[100], &[]);
    let folder = Path::new(ROOT).join("0000000001.spool");
    for n in 0..1000 {
        machine.put(&folder.join(format!("{n}.txt")), vec![1]);
    }
    let mut spool = open(&machine.process(), small());
    let (numbers, damages) = drain(&mut spool);
    assert_eq!(numbers, [0]);
    assert!(damages.len() < 300);
    assert_eq!(spool.stats().damages, 1000);
}
