use bytes::Bytes;

use super::name::SegmentName;

/// What is appended: encoded items that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where the items go, in the writer's own encoding. Stored as it is.
    pub lane: &'a [u8],
    /// Where each item ends in `bytes`, so that there are as many items as ends.
    pub ends: &'a [u32],
    /// The items, one behind the other.
    pub bytes: &'a [u8],
}

/// A record that is read back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Which it is; give it back with [`acknowledge`](super::Spool::acknowledge) or
    /// [`release`](super::Spool::release).
    pub id: EntryId,
    /// Whether another spool wrote it: that of a process that has ended.
    pub left_over: bool,
    /// As it was appended.
    pub lane: Bytes,
    /// As it was appended.
    pub ends: Vec<u32>,
    /// As it was appended. Shares memory with `lane`.
    pub bytes: Bytes,
}

/// Names an entry that its holder has in memory.
///
/// As long as it exists, the spool does not hand the entry out again; when it is dropped without
/// being given back, the entry is kept on disk for the next start.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use = "an entry is acknowledged, released, or delivered again after the next start"]
pub struct EntryId {
    pub(super) segment: SegmentName,
    pub(super) sequence: u64,
    pub(super) offset: u64,
}

impl EntryId {
    /// Where it stands among all entries of one spool: a later one has a higher number.
    pub(crate) fn position(&self) -> u64 {
        self.sequence
    }
}
