use bytes::Bytes;

use super::acks;
use super::damage::DamageKind;
use super::format::{SEGMENT_HEAD, SegmentHead, read_segment_head};
use super::name::FileName;
use super::ranges::RangeSet;
use super::scan::{Scanner, Step};

/// Reads a segment that is in memory, as a spool reads its files: for tools that look into them,
/// and for tests of what damage does.
///
/// `file_name` is the segment's, without folders; it tells what its head told when that is
/// damaged. `acknowledgements` are the bytes of the file beside it, or nothing.
pub fn inspect<'a>(
    file_name: &str,
    segment: &'a [u8],
    acknowledgements: &'a [u8],
) -> impl Iterator<Item = Inspected> + 'a {
    let (salt, first) = match FileName::read(file_name) {
        FileName::Records(name) => (name.salt, name.first),
        _ => (0, 0),
    };
    let mut early = Vec::new();
    let mut end = None;
    let (salt, offset) = match read_segment_head(&segment[..segment.len().min(SEGMENT_HEAD)]) {
        SegmentHead::Readable { salt } => (salt, SEGMENT_HEAD as u64),
        SegmentHead::Damaged => (salt, 0),
        SegmentHead::Newer { version } => {
            end = Some(Inspected::Damage {
                offset: 0,
                bytes: segment.len() as u64,
                kind: DamageKind::NewerVersion(version),
            });
            (salt, 0)
        }
    };
    let mut done = RangeSet::default();
    if let Ok(acks) = acks::read(&mut { acknowledgements }, salt) {
        done = acks.done;
        early.extend(acks.damage.map(|(offset, bytes)| Inspected::Damage {
            offset,
            bytes,
            kind: DamageKind::Acknowledgements,
        }));
    }
    let is_readable = end.is_none();
    early.extend(end);
    let mut scanner = Scanner::new(salt);
    scanner.seek(offset, first);
    let mut source = segment;
    let rest = std::iter::from_fn(move || {
        // Memory gives no errors.
        match scanner.next(&mut source, &done).ok()? {
            Step::Record(found) => Some(Inspected::Record {
                sequence: found.sequence,
                offset: found.offset,
                lane: found.body.lane,
                ends: found.body.ends,
                bytes: found.body.payload,
            }),
            Step::Damage {
                offset,
                bytes,
                kind,
            } => Some(Inspected::Damage {
                offset,
                bytes,
                kind,
            }),
            Step::End => None,
        }
    });
    early
        .into_iter()
        .chain(rest.take_while(move |_| is_readable))
}

/// What [`inspect`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inspected {
    /// A record that is not acknowledged.
    Record {
        /// Its number in the folder it was written in.
        sequence: u64,
        /// Where it begins.
        offset: u64,
        /// As it was appended.
        lane: Bytes,
        /// As it was appended.
        ends: Vec<u32>,
        /// As it was appended.
        bytes: Bytes,
    },
    /// Bytes that are none.
    Damage {
        /// Where they begin: in the acknowledgements, if it is damage to those.
        offset: u64,
        /// How many there are.
        bytes: u64,
        /// What they look like.
        kind: DamageKind,
    },
}
