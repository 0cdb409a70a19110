//! How records lie in a segment, as bytes in and bytes out.
//!
//! ```text
//! segment                                     record
//!  0  8  "tdspool\n"                           0  4  marker F5 72 65 63
//!  8  2  version                               4  4  checksum of bytes 8..32
//! 10  2  bytes of this head (32)               8  8  sequence
//! 12  4  zero                                 16  4  bytes of the lane
//! 16  8  salt                                 20  4  items
//! 24  4  zero                                 24  4  bytes of the payload
//! 28  4  checksum of bytes 0..28              28  4  checksum of the body
//! 32     records                              32     body: lane, end of each item (4 bytes), payload
//! ```
//!
//! All integers are little endian.
//! Checksums are CRC-32 with the polynomial 0x04C11DB7 (reflected: 0xEDB88320), as in Ethernet,
//! gzip and PNG; not the Castagnoli polynomial.
//! Those of records and acknowledgements begin with the segment's salt, so that a record inside
//! the payload of another one is never taken for one of this segment.

use bytes::Bytes;

/// What this version writes, and the highest it reads.
pub(super) const VERSION: u16 = 1;
/// Bytes before the first record. Every version begins with these 32, in this layout.
pub(super) const SEGMENT_HEAD: usize = 32;
/// Bytes before a record's body.
pub(super) const RECORD_HEAD: usize = 32;
/// The largest body: 64 MiB. A length above it is damage, whatever its checksum says.
pub(super) const MAX_BODY: u64 = 64 << 20;
/// Bytes of one acknowledgement.
pub(super) const ACK: usize = 16;

const MAGIC: [u8; 8] = *b"tdspool\n";
/// What every record begins with, and what a reader looks for after damage.
pub(super) const MARKER: [u8; 4] = [0xf5, b'r', b'e', b'c'];

/// What the first bytes of a segment say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SegmentHead {
    Readable {
        salt: u64,
    },
    /// Intact, and written by a later version than this one.
    Newer {
        version: u16,
    },
    Damaged,
}

pub(super) fn segment_head(salt: u64) -> [u8; SEGMENT_HEAD] {
    let mut head = [0; SEGMENT_HEAD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..10].copy_from_slice(&VERSION.to_le_bytes());
    head[10..12].copy_from_slice(&(SEGMENT_HEAD as u16).to_le_bytes());
    head[16..24].copy_from_slice(&salt.to_le_bytes());
    let check = crc32fast::hash(&head[..28]);
    head[28..].copy_from_slice(&check.to_le_bytes());
    head
}

pub(super) fn read_segment_head(bytes: &[u8]) -> SegmentHead {
    let Some(head) = bytes.first_chunk::<SEGMENT_HEAD>() else {
        return SegmentHead::Damaged;
    };
    if head[..8] != MAGIC || crc32fast::hash(&head[..28]) != u32_at(head, 28) {
        return SegmentHead::Damaged;
    }
    match u16::from_le_bytes([head[8], head[9]]) {
        1..=VERSION => SegmentHead::Readable {
            salt: u64_at(head, 16),
        },
        version => SegmentHead::Newer { version },
    }
}

/// The head of one record, its own checksum already verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHead {
    pub(super) sequence: u64,
    lane: u32,
    items: u32,
    payload: u32,
    check: u32,
}

impl RecordHead {
    /// Reads a head; nothing when these bytes are none.
    pub(super) fn read(bytes: &[u8; RECORD_HEAD], salt: u64) -> Option<Self> {
        if bytes[..4] != MARKER || salted(salt, &[&bytes[8..]]) != u32_at(bytes, 4) {
            return None;
        }
        let head = Self {
            sequence: u64_at(bytes, 8),
            lane: u32_at(bytes, 16),
            items: u32_at(bytes, 20),
            payload: u32_at(bytes, 24),
            check: u32_at(bytes, 28),
        };
        (head.body() <= MAX_BODY).then_some(head)
    }

    /// Bytes of the body.
    pub(super) fn body(&self) -> u64 {
        u64::from(self.lane) + 4 * u64::from(self.items) + u64::from(self.payload)
    }

    /// Bytes of the whole record.
    pub(super) fn total(&self) -> u64 {
        RECORD_HEAD as u64 + self.body()
    }

    /// Takes a body of [`Self::body`] bytes apart; nothing when it is not what was written.
    pub(super) fn open(&self, body: Vec<u8>, salt: u64) -> Option<Body> {
        if body.len() as u64 != self.body() || self.check != check(salt, self.sequence, &[&body]) {
            return None;
        }
        let body = Bytes::from(body);
        let lane = self.lane as usize;
        let payload = lane + 4 * self.items as usize;
        let ends: Vec<u32> = body[lane..payload]
            .chunks_exact(4)
            .map(|end| u32_at(end, 0))
            .collect();
        let payload = body.slice(payload..);
        ends_fit(&ends, payload.len()).then(|| Body {
            lane: body.slice(..lane),
            ends,
            payload,
        })
    }
}

/// The parts of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) lane: Bytes,
    pub(super) ends: Vec<u32>,
    pub(super) payload: Bytes,
}

/// Whether `ends` never go back and the last one ends the payload.
pub(super) fn ends_fit(ends: &[u32], payload: usize) -> bool {
    ends.is_sorted() && ends.last().map_or(0, |end| *end as usize) == payload
}

/// Writes head, lane and ends of a record into `out`; the payload follows as it is.
///
/// The caller has seen to it that the body is at most [`MAX_BODY`].
pub(super) fn write_record(
    out: &mut Vec<u8>,
    salt: u64,
    sequence: u64,
    lane: &[u8],
    ends: &[u32],
    payload: &[u8],
) {
    out.clear();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&sequence.to_le_bytes());
    for length in [lane.len(), ends.len(), payload.len()] {
        out.extend_from_slice(&(length as u32).to_le_bytes());
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(lane);
    for end in ends {
        out.extend_from_slice(&end.to_le_bytes());
    }
    let body = check(salt, sequence, &[&out[RECORD_HEAD..], payload]);
    out[28..32].copy_from_slice(&body.to_le_bytes());
    let head = salted(salt, &[&out[8..RECORD_HEAD]]);
    out[4..8].copy_from_slice(&head.to_le_bytes());
}

/// `count` sequences from `first` on, as they are written behind one another beside a segment:
/// first (8 bytes), count (4), checksum (4).
pub(super) fn write_ack(salt: u64, first: u64, count: u32) -> [u8; ACK] {
    let mut ack = [0; ACK];
    ack[..8].copy_from_slice(&first.to_le_bytes());
    ack[8..12].copy_from_slice(&count.to_le_bytes());
    let check = salted(salt, &[&ack[..12]]);
    ack[12..].copy_from_slice(&check.to_le_bytes());
    ack
}

/// The first sequence of an acknowledgement and the one after its last.
pub(super) fn read_ack(bytes: &[u8; ACK], salt: u64) -> Option<(u64, u64)> {
    if salted(salt, &[&bytes[..12]]) != u32_at(bytes, 12) {
        return None;
    }
    let first = u64_at(bytes, 0);
    let end = first.checked_add(u64::from(u32_at(bytes, 8)))?;
    Some((first, end))
}

fn check(salt: u64, sequence: u64, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

fn salted(salt: u64, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(salt: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_record(&mut out, salt, 7, b"lane", &[3, 3, 8], b"onethree");
        out.extend_from_slice(b"onethree");
        out
    }

    fn read(bytes: &[u8], salt: u64) -> Option<Body> {
        let head = RecordHead::read(bytes.first_chunk().unwrap(), salt)?;
        assert_eq!(head.sequence, 7);
        assert_eq!(head.total() as usize, bytes.len());
        head.open(bytes[RECORD_HEAD..].to_vec(), salt)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let body = read(&record(1), 1).unwrap();
        assert_eq!(&body.lane[..], b"lane");
        assert_eq!(body.ends, [3, 3, 8]);
        assert_eq!(&body.payload[..], b"onethree");
    }

    #[test]
    fn no_flipped_bit_of_a_record_goes_unnoticed() {
        let good = record(1);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let head = RecordHead::read(bad.first_chunk().unwrap(), 1);
            let body = head.and_then(|head| head.open(bad[RECORD_HEAD..].to_vec(), 1));
            assert_eq!(body, None, "bit {bit}");
        }
    }

    #[test]
    fn a_record_of_another_segment_is_none_of_this_one() {
        assert_eq!(read(&record(1), 2), None);
    }

    #[test]
    fn the_layout_of_version_1_does_not_change() {
        // Files written by this version are read by later ones: these bytes stay as they are.
        // They were computed by another program, with another implementation of the checksum.
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(
            hex(&segment_head(0x0102_0304_0506_0708)),
            "746473706f6f6c0a0100200000000000080706050403020100000000f8378d40"
        );
        assert_eq!(
            hex(&record(1)),
            "f5726563ab029a1e0700000000000000040000000300000008000000d17df8ec\
             6c616e650300000003000000080000006f6e657468726565"
        );
        assert_eq!(hex(&write_ack(1, 2, 3)), "020000000000000003000000ba913c94");
    }

    #[test]
    fn a_newer_version_is_recognised_and_a_damaged_head_is_not_one() {
        let mut head = segment_head(5);
        assert_eq!(read_segment_head(&head), SegmentHead::Readable { salt: 5 });
        head[8] = 2;
        assert_eq!(read_segment_head(&head), SegmentHead::Damaged);
        let check = crc32fast::hash(&head[..28]);
        head[28..].copy_from_slice(&check.to_le_bytes());
        assert_eq!(read_segment_head(&head), SegmentHead::Newer { version: 2 });
        assert_eq!(read_segment_head(&head[..31]), SegmentHead::Damaged);
    }

    #[test]
    fn an_acknowledgement_that_would_overflow_is_none() {
        let ack = write_ack(1, u64::MAX, 2);
        assert_eq!(read_ack(&ack, 1), None);
        assert_eq!(read_ack(&write_ack(1, 5, 2), 1), Some((5, 7)));
        assert_eq!(read_ack(&write_ack(1, 5, 2), 9), None);
    }
}
