use sls_core::BoxError;
use sls_core::model::{Cursor, ShardId};

/// Why a worker ended by itself, or did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings contradict each other; nothing was started.
    #[error("invalid settings: {reason}")]
    Settings {
        /// What is wrong.
        reason: String,
    },
    /// The consumer group could not be made or joined, and trying again cannot help.
    #[error("consumer group {group} cannot be joined")]
    Group {
        /// The group.
        group: String,
        /// The service's refusal.
        #[source]
        cause: Box<sls_core::Error>,
    },
    /// A shard could not be read, several times in a row and for a reason that does not pass
    /// by itself: a query that is not accepted, a logstore that is gone.
    #[error("shard {shard} cannot be read")]
    Reading {
        /// The shard.
        shard: ShardId,
        /// The last refusal.
        #[source]
        cause: Box<sls_core::Error>,
    },
    /// The processor failed as often as the [policy](crate::FailurePolicy) allows.
    #[error("shard {shard}: the batch at {cursor} failed {attempts} times")]
    Processing {
        /// The shard.
        shard: ShardId,
        /// Where the batch begins.
        cursor: Cursor,
        /// How often it was handed over.
        attempts: u32,
        /// What the processor said last; a panic is an error with its message.
        #[source]
        cause: BoxError,
    },
    /// The checkpoint of a shard has outlived what the logstore keeps, and the
    /// [policy](crate::ExpiredCursor) is to stop.
    #[error("shard {shard}: nothing is kept any more at {cursor}")]
    Expired {
        /// The shard.
        shard: ShardId,
        /// The checkpoint.
        cursor: Cursor,
    },
    /// A task of the worker ended unexpectedly; this is a defect of this crate.
    #[error("a task of the worker ended unexpectedly")]
    Defect {
        /// How.
        #[source]
        cause: BoxError,
    },
}
