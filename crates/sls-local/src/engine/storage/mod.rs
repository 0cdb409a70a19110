//! Where log groups are kept.
//!
//! The engine decides, a [`Storage`] keeps. A log is the sequence of one shard's groups at
//! consecutive positions; it grows at one end and is trimmed at the other.

mod memory;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

pub(crate) use memory::MemoryStorage;

/// Keeps the logs of all shards. Object safe: chosen when the server is built.
///
/// All calls may block and none needs a runtime. Whoever has one makes them where blocking
/// is allowed.
pub(crate) trait Storage: fmt::Debug + Send + Sync + 'static {
    /// Opens the log of a shard; a log that does not exist yet begins, empty, at `base`.
    fn open(&self, log: LogId, base: u64) -> Result<Arc<dyn ShardLog>, StorageError>;

    /// Deletes a log; readers that still hold it may find it empty or as it was.
    fn remove(&self, log: LogId) -> Result<(), StorageError>;
}

/// The groups of one shard. Object safe.
///
/// Promises that every implementation keeps:
///
/// - positions are consecutive, and a position is never used twice;
/// - when [`append`](Self::append) returns, the group is as safe as this storage makes it,
///   and every later read sees it;
/// - receive times never go back along the positions.
pub(crate) trait ShardLog: fmt::Debug + Send + Sync + 'static {
    /// Stores a group at the next position, which is returned.
    ///
    /// A group that is older than its predecessor, because the clock was set back, is
    /// stored with its predecessor's time.
    fn append(&self, record: Record) -> Result<u64, StorageError>;

    /// The groups from a position on: as many as the limit allows, but at least one when
    /// there is one. None when the position is not within the bounds.
    fn read(&self, from: u64, limit: ReadLimit) -> Result<Batch, StorageError>;

    /// What is kept.
    fn bounds(&self) -> Bounds;

    /// The position of the first group received at or after `time`; the next position when
    /// there is none.
    fn first_received_since(&self, time: SystemTime) -> Result<u64, StorageError>;

    /// Forgets every group before a position.
    fn trim(&self, first: u64) -> Result<(), StorageError>;
}

const _: fn(&dyn Storage, &dyn ShardLog) = |_, _| {};

/// The name of a log, never used twice in the life of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LogId(pub(crate) u64);

/// A stored log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) received: SystemTime,
    /// The protobuf message `LogGroup`.
    pub(crate) group: Bytes,
}

/// Which positions hold a group: `first..next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) first: u64,
    pub(crate) next: u64,
}

/// How much to read at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadLimit {
    pub(crate) groups: usize,
    pub(crate) bytes: usize,
}

/// Groups at consecutive positions, and the bounds at the moment of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) bounds: Bounds,
    pub(crate) records: Vec<Record>,
}

/// Why a storage did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// There is room for so many bytes, and they are taken.
    #[error("the storage's budget of {limit} bytes is used up")]
    Full { limit: usize },
}
