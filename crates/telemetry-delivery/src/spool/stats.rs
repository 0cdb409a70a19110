use super::{Damage, DamageKind, Spool};

/// Counts of one open spool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStats {
    /// Bytes on disk, left-overs included.
    pub bytes: u64,
    /// The limit for them.
    pub max_bytes: u64,
    /// Files with records.
    pub segments: usize,
    /// Folders of ended processes that were taken over.
    pub adopted: usize,
    /// Records that were appended.
    pub appended: u64,
    /// Entries that were acknowledged, left-overs included.
    pub acknowledged: u64,
    /// Reports of damage.
    pub damages: u64,
    /// Bytes of records that were skipped because of damage.
    pub damaged_bytes: u64,
    /// How often the system could not confirm that data reached the disk.
    pub failed_syncs: u64,
}

impl SpoolStats {
    pub(super) fn count(&mut self, damage: &Damage) {
        self.damages += 1;
        if let DamageKind::Corrupt | DamageKind::TornTail = damage.kind {
            self.damaged_bytes += damage.bytes;
        }
    }
}

impl Spool {
    /// Counts since it was opened.
    #[must_use]
    pub fn stats(&self) -> SpoolStats {
        self.stats.clone()
    }
}
