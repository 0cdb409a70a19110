mod damage; // flipped bytes, garbage, files of others
mod faults; // a disk that is full, slow to forgive, or forgetful
mod folders; // several processes, and what they leave
mod model; // against a list in memory, with crashes at any byte

use std::path::Path;

use super::disk::memory::MemoryDisk;
use super::{Damage, Entry, EntryId, Record, Spool, SpoolConfig, SpoolError};

const ROOT: &str = "/spool";

/// The smallest segments there are.
fn small() -> SpoolConfig {
    SpoolConfig::default()
        .with_segment_bytes(4096)
        .with_max_bytes(64 << 10)
}

fn open(disk: &MemoryDisk, config: SpoolConfig) -> Spool {
    Spool::open_on(Box::new(disk.clone()), Path::new(ROOT), config).unwrap()
}

/// A payload that is told from all others.
fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(bytes.max(8), number as u8);
    payload
}

fn append(spool: &mut Spool, number: u64, bytes: usize) -> Result<EntryId, SpoolError> {
    let payload = payload(number, bytes);
    spool.append(Record {
        lane: b"lane",
        ends: &[8, payload.len() as u32],
        bytes: &payload,
    })
}

/// Which one it is, after a look at all of it.
fn number(entry: &Entry) -> u64 {
    let number = u64::from_le_bytes(*entry.bytes.first_chunk().unwrap());
    assert_eq!(entry.bytes, payload(number, entry.bytes.len()));
    assert_eq!(&entry.lane[..], b"lane");
    assert_eq!(entry.ends, [8, entry.bytes.len() as u32]);
    number
}

/// Everything that is pending, in its order, and the damage on the way.
fn drain(spool: &mut Spool) -> (Vec<u64>, Vec<Damage>) {
    let (mut numbers, mut damages) = (Vec::new(), Vec::new());
    while let Some(next) = spool.next_pending() {
        match next {
            Ok(entry) => {
                numbers.push(number(&entry));
                spool.acknowledge(entry.id).unwrap();
            }
            Err(damage) => damages.push(damage),
        }
    }
    (numbers, damages)
}
