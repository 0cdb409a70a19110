//! A group as it is written: compressed as it came, with a checksum.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sls_core::wire::Compression;

use super::super::{Arriving, Packed, Record, StorageError};
use super::format::HeadNumbers;

/// A group that is ready to be written.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) head: EntryHead,
    pub(super) bytes: Bytes,
    /// How many logs it has.
    pub(super) logs: u64,
}

/// All about a group but its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHead {
    /// Nanoseconds since the Unix epoch.
    pub(super) received: u64,
    /// The size before compression.
    pub(super) raw: u32,
    /// The size as it is kept.
    pub(super) kept: u32,
    /// CRC-32 of the bytes as they are kept.
    pub(super) checksum: u32,
    pub(super) compression: u8,
}

impl Entry {
    /// What came compressed is kept so; what did not is compressed when that helps.
    pub(super) fn new(arriving: Arriving) -> Self {
        let raw = arriving.group.len();
        let packed = arriving.packed.unwrap_or_else(|| Packed {
            compression: Compression::Lz4,
            bytes: Bytes::from(Compression::Lz4.compress(&arriving.group)),
        });
        let (compression, bytes) = match code(packed.compression) {
            Some(code) if packed.bytes.len() < raw => (code, packed.bytes),
            _ => (PLAIN, arriving.group),
        };
        Self {
            head: EntryHead {
                received: nanos(arriving.received),
                // A body has some MiB.
                raw: raw as u32,
                kept: bytes.len() as u32,
                checksum: crc32fast::hash(&bytes),
                compression,
            },
            bytes,
            logs: arriving.logs,
        }
    }
}

impl EntryHead {
    pub(super) fn numbers(self) -> HeadNumbers {
        let Self {
            received,
            raw,
            kept,
            checksum,
            compression,
        } = self;
        (received, raw, kept, checksum, compression)
    }

    pub(super) fn of(numbers: HeadNumbers) -> Self {
        let (received, raw, kept, checksum, compression) = numbers;
        Self {
            received,
            raw,
            kept,
            checksum,
            compression,
        }
    }

    /// The group, when these are the bytes that were written.
    pub(super) fn unpack(self, bytes: &[u8]) -> Result<Record, StorageError> {
        let damaged = || StorageError::Damaged("a log group is not as it was written".into());
        if bytes.len() != self.kept as usize || crc32fast::hash(bytes) != self.checksum {
            return Err(damaged());
        }
        let raw = self.raw as usize;
        let group = match compression(self.compression).ok_or_else(damaged)? {
            Compression::None => bytes.to_vec(),
            compression => compression
                .decompress(bytes, raw, raw)
                .map_err(|_| damaged())?,
        };
        Ok(Record {
            received: time(self.received),
            group: Bytes::from(group),
        })
    }
}

const PLAIN: u8 = 0;

/// The number by which a compression is known in the file; none for one that is not kept.
fn code(compression: Compression) -> Option<u8> {
    match compression {
        Compression::Lz4 => Some(1),
        Compression::Zstd => Some(2),
        Compression::Deflate => Some(3),
        _ => None,
    }
}

fn compression(code: u8) -> Option<Compression> {
    match code {
        PLAIN => Some(Compression::None),
        1 => Some(Compression::Lz4),
        2 => Some(Compression::Zstd),
        3 => Some(Compression::Deflate),
        _ => None,
    }
}

/// Nanoseconds since the Unix epoch; until the year 2554, then no more.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

fn time(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// A fact with its checksum in front.
pub(super) fn with_checksum(fact: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + fact.len());
    bytes.extend(crc32fast::hash(fact).to_le_bytes());
    bytes.extend(fact);
    bytes
}

/// The fact behind a checksum that fits it.
pub(super) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (checksum, fact) = bytes.split_first_chunk::<4>()?;
    (crc32fast::hash(fact).to_le_bytes() == *checksum).then_some(fact)
}
