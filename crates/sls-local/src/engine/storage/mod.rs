//! Where log groups are kept, and what is known besides them.
//!
//! The engine decides, a [`Storage`] keeps. A log is the sequence of one shard's groups at
//! consecutive positions; it grows at one end and is trimmed at the other. A fact is a few
//! bytes under a name: a project, a logstore, a consumer group.

mod changes;
mod disk;
mod memory;
mod receipt;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use sls_core::wire::Compression;

pub(crate) use changes::Changes;
pub(crate) use disk::{DiskStorage, OpenError};
pub(crate) use memory::MemoryStorage;
pub(crate) use receipt::{Done, Receipt};

/// Keeps the logs of all shards, and facts. Object safe: chosen when the server is built.
///
/// All calls may block and none needs a runtime. Whoever has one makes them where blocking
/// is allowed.
pub(crate) trait Storage: fmt::Debug + Send + Sync + 'static {
    /// Opens the log of a shard; a log that does not exist yet begins, empty, at `base`.
    fn open(&self, log: LogId, base: u64) -> Result<Arc<dyn ShardLog>, StorageError>;

    /// Makes all changes or none, after everything that was handed in before, and calls
    /// `done` when they are as safe as this storage makes them.
    fn submit(&self, changes: Changes, done: Done);

    /// The facts whose names begin with `prefix`, by name.
    fn facts(&self, prefix: &str) -> Result<Vec<Fact>, StorageError>;

    /// A name that no log has and no later one in use.
    fn free_log(&self) -> LogId;

    /// Whether facts outlive the process. Where they do not, nobody needs to write any.
    fn is_durable(&self) -> bool;

    /// Writes what is waiting and lets go of everything; whatever comes later is refused.
    fn close(&self);
}

impl dyn Storage {
    /// Makes all changes or none, and returns when they are safe.
    pub(crate) fn commit(&self, changes: Changes) -> Result<(), StorageError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.submit(
            changes,
            Box::new(move |result| {
                // Whoever waits for it waits below.
                let _ = sender.send(result);
            }),
        );
        receiver.recv().unwrap_or(Err(StorageError::Closed))
    }
}

/// A name and what is known under it.
pub(crate) type Fact = (String, Vec<u8>);

/// The groups of one shard. Object safe.
///
/// Promises that every implementation keeps:
///
/// - positions are consecutive, and a position is never used twice;
/// - once an [`append`](Self::append) is done, the group is as safe as this storage makes it,
///   and every later read sees it; before, no read does;
/// - groups are stored in the order in which they were handed in;
/// - receive times never go back along the positions.
pub(crate) trait ShardLog: fmt::Debug + Send + Sync + 'static {
    /// Takes a group for the next position, and calls `done` when it is stored or when it
    /// could not be. An error means that it was not taken, and `done` is not called.
    ///
    /// A group that is older than its predecessor, because the clock was set back, is
    /// stored with its predecessor's time.
    fn append(&self, arriving: Arriving, done: Done) -> Result<(), StorageError>;

    /// The groups from a position on: as many as the limit allows, but at least one when
    /// there is one. None when the position is not within the bounds.
    fn read(&self, from: u64, limit: ReadLimit) -> Result<Batch, StorageError>;

    /// What is kept.
    fn bounds(&self) -> Bounds;

    /// How many logs were ever stored.
    fn arrived(&self) -> u64;

    /// The position of the first group received at or after `time`; the next position when
    /// there is none.
    fn first_received_since(&self, time: SystemTime) -> Result<u64, StorageError>;

    /// Forgets every group before a position.
    fn trim(&self, first: u64) -> Result<(), StorageError>;
}

const _: fn(&dyn Storage, &dyn ShardLog) = |_, _| {};

/// The name of a log, never used twice in the life of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LogId(pub(crate) u64);

/// A log group on its way into a log.
#[derive(Debug, Clone)]
pub(crate) struct Arriving {
    pub(crate) received: SystemTime,
    /// The protobuf message `LogGroup`.
    pub(crate) group: Bytes,
    /// The same as it came, when it came compressed.
    pub(crate) packed: Option<Packed>,
    /// How many logs it has.
    pub(crate) logs: u64,
}

/// A compressed log group.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) compression: Compression,
    pub(crate) bytes: Bytes,
}

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

/// Why a storage did not do what it should. One failure may be told to many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StorageError {
    /// There is room for so many bytes, and they are taken.
    #[error("the storage's budget of {limit} bytes is used up")]
    Full { limit: usize },
    /// The disk has no room left; what is stored can be read.
    #[error("the disk of the data folder is full")]
    DiskFull,
    /// More is waiting for the disk than may wait.
    #[error("too much is waiting to be written")]
    Busy,
    /// The log was removed.
    #[error("the log was removed")]
    Gone,
    /// What is on the disk is not what was written.
    #[error("the data folder is damaged: {0}")]
    Damaged(Arc<str>),
    /// The disk does not do what it should, which may pass.
    #[error("the data folder cannot be used: {0}")]
    Failed(Arc<str>),
    /// The server is shutting down.
    #[error("the storage is closed")]
    Closed,
}
