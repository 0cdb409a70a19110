use super::format::SEGMENT_HEAD;
use super::name::SegmentName;
use super::ranges::{RangeSet, Waiting};

/// What is known of one segment without looking into its file.
#[derive(Debug)]
pub(super) struct Segment {
    /// What its checksums begin with.
    pub(super) salt: u64,
    /// Bytes of its records, the head of the file included.
    pub(super) bytes: u64,
    /// Bytes of its acknowledgements.
    pub(super) ack_bytes: u64,
    /// Acknowledgements that are safe to append behind; the rest is an interrupted write.
    pub(super) ack_end: u64,
    /// Whether head and acknowledgements have been read, or were written by us.
    pub(super) prepared: bool,
    /// Records somebody has in memory.
    pub(super) held: u64,
    /// Records nobody has in memory.
    pub(super) waiting: Waiting,
    /// Records that are done.
    pub(super) done: RangeSet,
    /// Those of them that the disk does not know of yet.
    pub(super) unsaved: RangeSet,
    /// Whether records are appended to it.
    pub(super) active: bool,
    /// Whether its files stay, since they could not be read.
    pub(super) kept: bool,
}

impl Segment {
    /// One that has just been created, with nothing but its head.
    pub(super) fn created(name: SegmentName) -> Self {
        Self {
            salt: name.salt,
            bytes: SEGMENT_HEAD as u64,
            ack_bytes: 0,
            ack_end: 0,
            prepared: true,
            held: 0,
            waiting: Waiting::default(),
            done: RangeSet::default(),
            unsaved: RangeSet::default(),
            active: true,
            kept: false,
        }
    }

    /// One that another process left.
    pub(super) fn found(name: SegmentName, bytes: u64, ack_bytes: u64) -> Self {
        Self {
            bytes,
            ack_bytes,
            prepared: false,
            waiting: Waiting::all_from(name.first, 0),
            active: false,
            ..Self::created(name)
        }
    }

    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes + self.ack_bytes
    }

    /// Whether everything in it is done.
    pub(super) fn is_done(&self) -> bool {
        !self.kept && self.held == 0 && self.waiting.is_empty()
    }

    /// Leaves the rest of the file alone.
    pub(super) fn keep(&mut self) {
        self.kept = true;
        self.waiting = Waiting::default();
    }
}
