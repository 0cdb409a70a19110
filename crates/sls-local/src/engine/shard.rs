//! One shard: a range of keys, a log, and cursors into it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sls_core::model::{CursorPosition, Shard, ShardId, ShardStatus};

use super::group::ShardFact;
use super::key_range::KeyRange;
use super::storage::{Bounds, LogId, ReadLimit, Record, ShardLog, StorageError};
use super::unix_seconds;
use crate::refusal::Refusal;

/// The most raw bytes of one pull; a single larger group comes alone.
const MAX_PULL_BYTES: usize = 10 << 20;

/// A shard and where its groups are kept.
///
/// The receive time decides about cursors and expiry, never the time inside the logs.
#[derive(Debug, Clone)]
pub(crate) struct ShardState {
    pub(crate) id: ShardId,
    pub(crate) range: KeyRange,
    pub(crate) created: SystemTime,
    /// The shards whose keys it took over, which ordered consumers read first.
    pub(crate) parents: Vec<ShardId>,
    /// When it was split or merged away; it takes no writes since.
    pub(crate) closed: Option<SystemTime>,
    pub(crate) log_id: LogId,
    /// The first position that was ever written to.
    pub(crate) base: u64,
    pub(crate) log: Arc<dyn ShardLog>,
}

impl ShardState {
    pub(crate) fn is_writable(&self) -> bool {
        self.closed.is_none()
    }

    /// How many groups were ever put: a position is never used twice.
    pub(crate) fn puts(&self) -> u64 {
        self.log.bounds().next - self.base
    }

    /// The shard as a list shows it.
    pub(crate) fn describe(&self) -> Shard {
        Shard {
            id: self.id,
            status: if self.is_writable() {
                ShardStatus::ReadWrite
            } else {
                ShardStatus::ReadOnly
            },
            begin: self.range.begin,
            end: self.range.end,
            create_time: unix_seconds(self.created),
        }
    }

    /// The shard as a consumer group sees it.
    pub(crate) fn fact(&self) -> ShardFact {
        let end = self.closed.map(|_| self.log.bounds().next);
        ShardFact {
            id: self.id,
            parents: self.parents.clone(),
            end,
        }
    }

    /// Forgets what was received longer than `ttl` ago; `None` keeps everything.
    pub(crate) fn expire(
        &self,
        ttl: Option<Duration>,
        now: SystemTime,
    ) -> Result<(), StorageError> {
        let Some(cutoff) = ttl.and_then(|ttl| now.checked_sub(ttl)) else {
            return Ok(());
        };
        // Exactly ttl old is old enough.
        let cutoff = cutoff + Duration::from_nanos(1);
        let first = self.log.first_received_since(cutoff)?;
        if first > self.log.bounds().first {
            self.log.trim(first)?;
        }
        Ok(())
    }

    /// Whether nothing is left of a shard that takes no writes.
    pub(crate) fn is_spent(&self, ttl: Option<Duration>, now: SystemTime) -> bool {
        let Bounds { first, next } = self.log.bounds();
        let due = self.closed.zip(ttl).map(|(closed, ttl)| closed + ttl);
        first == next && due.is_some_and(|due| due <= now)
    }

    /// The position in front of which a reader starts.
    pub(crate) fn cursor(&self, from: CursorPosition) -> Result<u64, StorageError> {
        match from {
            CursorPosition::Begin => Ok(self.log.bounds().first),
            CursorPosition::End => Ok(self.log.bounds().next),
            CursorPosition::At(time) => self.log.first_received_since(time),
        }
    }

    /// When the group at `position` was received; now for the position after the last.
    pub(crate) fn cursor_time(
        &self,
        position: u64,
        now: SystemTime,
    ) -> Result<SystemTime, Refusal> {
        let one = ReadLimit {
            groups: 1,
            bytes: 0,
        };
        let batch = self.log.read(position, one)?;
        match batch.records.first() {
            Some(record) => Ok(record.received),
            None if position == batch.bounds.next => Ok(now),
            None => Err(outside(self.id, position, batch.bounds)),
        }
    }

    /// The groups from `position` on, at most `count` and not reaching `end`.
    pub(crate) fn pull(
        &self,
        position: u64,
        count: usize,
        end: Option<u64>,
    ) -> Result<Pulled, Refusal> {
        let until_end = end.map_or(u64::MAX, |end| end.saturating_sub(position));
        let groups = count.min(usize::try_from(until_end).unwrap_or(usize::MAX));
        let limit = ReadLimit {
            groups: groups.max(1),
            bytes: MAX_PULL_BYTES,
        };
        let mut batch = self.log.read(position, limit)?;
        let Bounds { first, next } = batch.bounds;
        if !(first..=next).contains(&position) {
            return Err(outside(self.id, position, batch.bounds));
        }
        batch.records.truncate(groups);
        let read_to = position + batch.records.len() as u64;
        Ok(Pulled {
            records: batch.records,
            position,
            next: read_to,
            end_of_shard: read_to == next,
        })
    }
}

/// Consecutive groups of one shard.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) records: Vec<Record>,
    /// Where the first group is, or would be.
    pub(crate) position: u64,
    /// Where to read on.
    pub(crate) next: u64,
    /// Whether there was nothing more at that moment.
    pub(crate) end_of_shard: bool,
}

impl Pulled {
    /// The position of the last group.
    pub(crate) fn last(&self) -> Option<u64> {
        (self.next > self.position).then(|| self.next - 1)
    }
}

fn outside(shard: ShardId, position: u64, bounds: Bounds) -> Refusal {
    let reason = if position < bounds.first {
        "is older than what is kept"
    } else {
        "is after the end"
    };
    Refusal::bad(
        "InvalidCursor",
        format!("cursor {position} of shard {shard} {reason}"),
    )
}
