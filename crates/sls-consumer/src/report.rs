//! What a worker says when it ends.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::progress::ShardProgress;
use crate::shard::StopReason;

/// What a worker has done, and what it left.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Why it ended by itself; `None` when it was told to, or had read up to the time that was
    /// asked for.
    pub error: Option<Arc<Error>>,
    /// The shards it had when it ended, each with how it ended.
    pub shards: Vec<ShardReport>,
    /// Logs processed over the whole run, batches of earlier holdings included.
    pub logs: u64,
    /// Batches processed over the whole run.
    pub batches: u64,
    /// Batches skipped over the whole run.
    pub skipped: u64,
    /// Batches that went to the dead letters over the whole run.
    pub dead_letters: u64,
    /// Checkpoints that had expired over the whole run.
    pub expired: u64,
    /// Times that shards were lost because heartbeats went unanswered.
    pub lost: u64,
}

/// How one shard ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardReport {
    /// Where it stood.
    pub progress: ShardProgress,
    /// Why it ended; `None` when the deadline came first and it was cut off.
    pub reason: Option<StopReason>,
}

impl ShardReport {
    /// Whether everything that was processed is saved too.
    pub fn is_saved(&self) -> bool {
        self.progress.position == self.progress.saved
    }
}

impl Report {
    /// Whether there was no error and every shard finished its batch in hand and saved its
    /// checkpoint.
    pub fn is_clean(&self) -> bool {
        let mut shards = self.shards.iter();
        self.error.is_none()
            && shards.all(|shard| shard.reason == Some(StopReason::Released) && shard.is_saved())
    }

    pub(crate) fn add(&mut self, progress: &ShardProgress) {
        self.logs += progress.logs;
        self.batches += progress.batches;
        self.skipped += progress.skipped;
        self.dead_letters += progress.dead_letters;
        self.expired += progress.expired;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { logs, batches, .. } = self;
        write!(f, "{logs} logs in {batches} batches")?;
        for (count, what) in [
            (self.skipped, "batches skipped"),
            (self.dead_letters, "batches to the dead letters"),
            (self.expired, "expired checkpoints"),
            (self.lost, "leases lost"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        let left = |shard: &&ShardReport| shard.reason != Some(StopReason::Released);
        let cut = self.shards.iter().filter(left).count();
        if cut > 0 {
            write!(
                f,
                "; {cut} of {} shards did not end in order",
                self.shards.len()
            )?;
        }
        Ok(())
    }
}
