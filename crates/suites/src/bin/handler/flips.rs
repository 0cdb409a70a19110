//! Files of a spool in which a byte is not what it was: no panic, the damage is reported, and
//! everything else is delivered.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use suites::random::Random;
use telemetry_delivery::spool::{DamageKind, Fsync, Record, Spool, SpoolConfig};
use tokio::time::Instant;

use crate::counts::Counts;

/// A file of the spool that is damaged again and again.
struct Original {
    name: PathBuf,
    bytes: Vec<u8>,
}

/// What one reading of damaged files gave.
#[derive(Debug, Default)]
struct Read {
    numbers: Vec<u64>,
    damaged: bool,
    acknowledgements: bool,
}

pub(crate) fn run(flips: u64) -> Result<Counts, Box<dyn Error>> {
    let begun = Instant::now();
    let root = std::env::temp_dir().join(format!("suite-flips-{}", std::process::id()));
    let result = flip(&root, flips);
    let _ = fs::remove_dir_all(&root);
    let (counts, told) = result?;
    println!("flips: {told} in {:.0?}", begun.elapsed());
    Ok(counts)
}

fn flip(root: &Path, flips: u64) -> Result<(Counts, String), Box<dyn Error>> {
    let mut random = Random::new(7);
    let mut counts = Counts::default();
    let (mut reported, mut unseen) = (0u64, 0u64);
    let mut originals = Vec::new();
    let mut pending = BTreeSet::new();
    for round in 0..flips {
        if round % 1000 == 0 {
            // Other sizes, other records that are done.
            (originals, pending) = write(root, &mut random)?;
        }
        let total: usize = originals.iter().map(|file| file.bytes.len()).sum();
        let mut place = random.below(total);
        let file = originals.iter().position(|file| {
            let inside = place < file.bytes.len();
            if !inside {
                place -= file.bytes.len();
            }
            inside
        });
        let file = file.ok_or("a place outside of all files")?;
        let mask = random.between(1, 255) as u8;

        let read = read_with(root, &originals, file, place, mask)?;
        let what = || format!("round {round}: byte {place} of file {file} xor {mask:#x}");
        let found: BTreeSet<u64> = read.numbers.iter().copied().collect();
        let missing = pending.difference(&found).count() as u64;
        let again = found.difference(&pending).count() as u64;
        if missing > 1 || (missing == 1 && !read.damaged) {
            return Err(format!("{}: {missing} missing, {read:?}", what()).into());
        }
        if again > 0 && !read.acknowledgements {
            return Err(format!("{}: {again} came again, {read:?}", what()).into());
        }
        if found.len() != read.numbers.len() || !read.numbers.is_sorted() {
            return Err(format!("{}: twice, or out of order: {read:?}", what()).into());
        }
        counts.logs += pending.len() as u64;
        counts.duplicates += again;
        match read.damaged || read.acknowledgements {
            true => reported += 1,
            // Inside a record that is done, or the first part of a name that is also elsewhere.
            false => unseen += 1,
        }
    }
    let told = format!(
        "{flips} bytes flipped in spools of {} entries in all; {reported} reported, {unseen} in what is not read any more, 0 panics",
        counts.logs
    );
    Ok((counts, told))
}

/// Writes a spool and takes its files; says which entries are not done.
fn write(
    root: &Path,
    random: &mut Random,
) -> Result<(Vec<Original>, BTreeSet<u64>), Box<dyn Error>> {
    let _ = fs::remove_dir_all(root);
    let mut spool = Spool::open(root, config())?;
    let mut pending = BTreeSet::new();
    for number in 0..12u64 {
        let bytes = match random.below(20) {
            // Larger than what is read at a time.
            0 => 70_000,
            _ => random.below(400),
        };
        let payload = payload(number, bytes);
        let id = spool.append(Record {
            lane: b"lane",
            ends: &[8, payload.len() as u32],
            bytes: &payload,
        })?;
        if random.below(4) == 0 {
            spool.acknowledge(id)?;
        } else {
            pending.insert(number);
        }
    }
    spool.close()?;
    let mut originals = Vec::new();
    for folder in fs::read_dir(root)? {
        for file in fs::read_dir(folder?.path())? {
            let path = file?.path();
            if path.extension().is_some() {
                originals.push(Original {
                    name: path.file_name().ok_or("a file without a name")?.into(),
                    bytes: fs::read(&path)?,
                });
            }
        }
    }
    Ok((originals, pending))
}

fn read_with(
    root: &Path,
    originals: &[Original],
    damaged: usize,
    place: usize,
    mask: u8,
) -> Result<Read, Box<dyn Error>> {
    let _ = fs::remove_dir_all(root);
    let folder = root.join("0000000001.spool");
    fs::create_dir_all(&folder)?;
    for (index, original) in originals.iter().enumerate() {
        let path = folder.join(&original.name);
        if index == damaged {
            let mut bytes = original.bytes.clone();
            bytes[place] ^= mask;
            fs::write(path, bytes)?;
        } else {
            fs::write(path, &original.bytes)?;
        }
    }
    let mut spool = Spool::open(root, config())?;
    let mut read = Read::default();
    while let Some(next) = spool.next_pending() {
        match next {
            Ok(entry) => {
                let number = entry
                    .bytes
                    .first_chunk()
                    .map(|number| u64::from_le_bytes(*number));
                let number = number.ok_or("an entry without a number")?;
                if entry.bytes != payload(number, entry.bytes.len()) || entry.lane != b"lane"[..] {
                    return Err(io::Error::other("an entry that nobody wrote").into());
                }
                read.numbers.push(number);
                spool.acknowledge(entry.id)?;
            }
            Err(damage) if damage.kind == DamageKind::Acknowledgements => {
                read.acknowledgements = true;
            }
            Err(_) => read.damaged = true,
        }
    }
    spool.close()?;
    Ok(read)
}

fn config() -> SpoolConfig {
    SpoolConfig::default().with_fsync(Fsync::System)
}

/// A payload that is told from all others.
fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(bytes.max(8), number as u8);
    payload
}
