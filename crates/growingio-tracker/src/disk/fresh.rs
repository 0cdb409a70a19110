//! What is not durable yet.

use std::collections::BTreeMap;

use super::Mark;

/// Records that were written since the last flush that succeeded, by age.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    records: BTreeMap<Mark, FreshRecord>,
    bytes: usize,
    spilled: usize,
}

pub(super) struct FreshRecord {
    pub(super) lane: Vec<u8>,
    pub(super) bytes: Box<[u8]>,
    /// Whether it has to be written again, since a flush failed.
    pub(super) doubtful: bool,
    /// Whether nobody else has it in memory.
    spilled: bool,
}

impl Fresh {
    pub(super) fn add(&mut self, mark: Mark, lane: Vec<u8>, record: &[u8]) {
        self.bytes += record.len();
        let record = FreshRecord {
            lane,
            bytes: record.into(),
            doubtful: false,
            spilled: false,
        };
        self.records.insert(mark, record);
    }

    pub(super) fn remove(&mut self, mark: Mark) {
        if let Some(record) = self.records.remove(&mark) {
            self.bytes -= record.bytes.len();
            self.spilled -= usize::from(record.spilled);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Notes that nobody else has a record in memory; whether it is one of these.
    pub(super) fn spill(&mut self, mark: Mark) -> bool {
        let Some(record) = self.records.get_mut(&mark) else {
            return false;
        };
        self.spilled += usize::from(!record.spilled);
        record.spilled = true;
        true
    }

    pub(super) fn has_spilled(&self) -> bool {
        self.spilled > 0
    }

    /// The oldest record that nobody else has in memory; now somebody has.
    pub(super) fn take_spilled(&mut self) -> Option<(Mark, Vec<u8>, Vec<u8>)> {
        let mut records = self.records.iter_mut();
        let (mark, record) = records.find(|(_, record)| record.spilled)?;
        record.spilled = false;
        self.spilled -= 1;
        Some((*mark, record.lane.clone(), record.bytes.to_vec()))
    }

    /// A flush succeeded: forgets all that it covers, and gives those that nobody else has.
    pub(super) fn safe(&mut self) -> Vec<Mark> {
        let safe = self.records.iter().filter(|(_, record)| !record.doubtful);
        let safe: Vec<_> = safe.map(|(mark, record)| (*mark, record.spilled)).collect();
        let spilled = safe.iter().filter(|(_, spilled)| *spilled);
        let spilled = spilled.map(|(mark, _)| *mark).collect();
        for (mark, _) in safe {
            self.remove(mark);
        }
        spilled
    }

    /// A flush failed: nothing of all this is certain to be on the disk.
    pub(super) fn all_doubtful(&mut self) {
        for record in self.records.values_mut() {
            record.doubtful = true;
        }
    }

    /// What has to be written again, oldest first.
    pub(super) fn doubtful(&mut self) -> impl Iterator<Item = (Mark, &mut FreshRecord)> {
        let records = self.records.iter_mut();
        let records = records.filter(|(_, record)| record.doubtful);
        records.map(|(mark, record)| (*mark, record))
    }
}

impl std::fmt::Debug for FreshRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreshRecord").finish_non_exhaustive()
    }
}
