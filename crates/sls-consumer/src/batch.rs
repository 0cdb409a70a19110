//! What a processor is given.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sls_core::api::PulledLogs;
use sls_core::model::{Cursor, ShardId};
use sls_core::wire::GroupView;

use crate::checkpointer::Checkpointer;
use crate::row::Row;

/// Log groups of one shard, in the order in which they were written.
///
/// Holds the bytes as they came; [`groups`](Self::groups) and [`rows`](Self::rows) give views
/// of them. A clone shares the bytes and costs next to nothing, so it is the owned form: keep
/// one, or send it to another task.
///
/// # Example
/// ```
/// # use sls_consumer::ShardBatch;
/// fn sum(batch: &ShardBatch) -> u64 {
///     let amounts = batch.rows().filter_map(|row| row.text("amount")?.parse::<u64>().ok());
///     amounts.sum()
/// }
/// ```
#[derive(Clone)]
pub struct ShardBatch(Arc<Inner>);

struct Inner {
    shard: ShardId,
    attempt: u32,
    logs: PulledLogs,
    checkpointer: Checkpointer,
}

impl ShardBatch {
    /// A batch that belongs to no worker, to test a processor with.
    ///
    /// Its [`checkpointer`](Self::checkpointer) saves nothing.
    pub fn new(shard: ShardId, logs: PulledLogs) -> Self {
        Self::of(shard, logs, Checkpointer::detached())
    }

    pub(crate) fn of(shard: ShardId, logs: PulledLogs, checkpointer: Checkpointer) -> Self {
        Self(Arc::new(Inner {
            shard,
            attempt: 1,
            logs,
            checkpointer,
        }))
    }

    /// The same batch, handed over once more.
    pub(crate) fn again(&self, attempt: u32) -> Self {
        let Inner {
            shard,
            logs,
            checkpointer,
            ..
        } = &*self.0;
        Self(Arc::new(Inner {
            shard: *shard,
            attempt,
            logs: logs.clone(),
            checkpointer: checkpointer.clone(),
        }))
    }

    /// The shard it was read from.
    pub fn shard(&self) -> ShardId {
        self.0.shard
    }

    /// How often it was handed over, this time included; more than 1 after a failure.
    ///
    /// Counts the deliveries of this worker since it began the shard: after a crash another
    /// one starts at 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Where it begins in the shard.
    pub fn cursor(&self) -> &Cursor {
        self.0.logs.cursor()
    }

    /// Where the shard is read on after it: the checkpoint that says it was processed.
    pub fn next_cursor(&self) -> &Cursor {
        self.0.logs.next_cursor()
    }

    /// The log groups.
    pub fn groups(&self) -> impl Iterator<Item = GroupView<'_>> {
        self.0.logs.groups().groups()
    }

    /// Every log of every group, flat.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.groups()
            .flat_map(|group| group.logs().map(move |log| Row::new(group, log)))
    }

    /// How many logs there are.
    pub fn log_count(&self) -> usize {
        self.0.logs.log_count()
    }

    /// How many log groups there are.
    pub fn group_count(&self) -> usize {
        self.0.logs.group_count()
    }

    /// The size of the groups before compression, in bytes.
    pub fn raw_size(&self) -> usize {
        self.0.logs.raw_size()
    }

    /// When the service received the last of it, when it says so; to the second.
    pub fn received(&self) -> Option<SystemTime> {
        let seconds = self.0.logs.cursor_time()?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }

    /// The answer of the service as it came.
    pub fn pulled(&self) -> &PulledLogs {
        &self.0.logs
    }

    /// Saves checkpoints at moments the processor chooses.
    pub fn checkpointer(&self) -> &Checkpointer {
        &self.0.checkpointer
    }
}

impl fmt::Debug for ShardBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardBatch")
            .field("shard", &self.0.shard)
            .field("attempt", &self.0.attempt)
            .field("logs", &self.0.logs)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ShardBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {}: {}", self.0.shard, self.0.logs)
    }
}
