use std::time::Duration;

use super::format::{RECORD_HEAD, SEGMENT_HEAD};
use crate::error::{ConfigError, ensure};

/// The smallest segment: 4 KiB.
const MIN_SEGMENT: u64 = 4 << 10;
/// The largest: 1 GiB.
const MAX_SEGMENT: u64 = 1 << 30;

/// When written records are forced from the system's memory to the disk.
///
/// | policy | the process is killed | the machine loses power | cost |
/// |---|---|---|---|
/// | `EveryRecord` | nothing committed is lost | nothing committed is lost | one flush of the disk per commit |
/// | `Interval(t)` | nothing appended is lost | at most what was appended in the last `t` | one flush per `t` |
/// | `System` | nothing appended is lost | whatever the system had not written, often 30 s | none |
///
/// "Appended" and "committed" mean that [`append`](super::Spool::append) and
/// [`commit`](super::Spool::commit) returned `Ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fsync {
    /// At every commit. Several records may share one.
    EveryRecord,
    /// At the first commit that comes this long after a record, or later.
    Interval(Duration),
    /// Never; the system writes when it sees fit.
    System,
}

/// How large a spool may become, and what it promises.
#[derive(Debug, Clone)]
#[must_use]
pub struct SpoolConfig {
    max_bytes: u64,
    segment_bytes: u64,
    fsync: Fsync,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            max_bytes: 1 << 30,
            segment_bytes: 16 << 20,
            fsync: Fsync::Interval(Duration::from_millis(500)),
        }
    }
}

impl SpoolConfig {
    /// How many bytes may lie on disk, left-overs of earlier processes included.
    /// Default: 1 GiB.
    ///
    /// Every open spool has a limit of its own, also when several share a folder.
    /// What does not fit is refused with [`SpoolError::Full`](super::SpoolError::Full). At least
    /// as large as a segment.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How large a file becomes before the next one is begun. Default: 16 MiB.
    ///
    /// Room becomes free by whole files, once all they hold is acknowledged. A record that is
    /// larger has a file to itself. From 4 KiB to 1 GiB.
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// When data is forced to the disk. Default: every 500 milliseconds.
    pub fn with_fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// See [`with_max_bytes`](Self::with_max_bytes).
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// See [`with_segment_bytes`](Self::with_segment_bytes).
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// See [`with_fsync`](Self::with_fsync).
    #[must_use]
    pub fn fsync(&self) -> Fsync {
        self.fsync
    }

    /// Whether every value lies in its range.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] names the first setting that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        ensure(
            (MIN_SEGMENT..=MAX_SEGMENT).contains(&self.segment_bytes),
            "segment_bytes",
            "be from 4 KiB to 1 GiB",
        )?;
        ensure(
            self.max_bytes >= self.segment_bytes,
            "max_bytes",
            "be at least as large as a segment",
        )?;
        let interval = match self.fsync {
            Fsync::Interval(interval) => interval,
            Fsync::EveryRecord | Fsync::System => Duration::MAX,
        };
        ensure(!interval.is_zero(), "fsync", "have an interval above zero")
    }

    /// The most bytes a record may need, its head included.
    pub(crate) fn largest_record(&self) -> u64 {
        let room = self.max_bytes - SEGMENT_HEAD as u64;
        room.min(super::format::MAX_BODY + RECORD_HEAD as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused() {
        let refused = |config: SpoolConfig| config.validate().is_err();
        let config = SpoolConfig::default();
        assert!(!refused(config.clone()));
        assert!(refused(config.clone().with_segment_bytes(4095)));
        assert!(refused(config.clone().with_max_bytes((16 << 20) - 1)));
        assert!(refused(config.with_fsync(Fsync::Interval(Duration::ZERO))));
    }
}
