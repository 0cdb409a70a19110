//! One shard: a state machine that decides, and a task that does.

mod reading; // the checkpoint, the place to begin at, the next logs
mod saving; // checkpoints
mod state; // starting, pulling, processing, saving, draining (pure)
mod task; // performs what the state asks for, and waits
mod turn; // when user code runs, and what it cannot hold up
mod working; // batches in the hands of the processor, and dead letters

use std::fmt;

pub(crate) use task::{Ended, Instruction, ShardTask};

/// Why a worker gave a shard up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// In order: the batch in hand was finished and its checkpoint saved, as far as that went.
    Released,
    /// Heartbeats went unanswered, or the service no longer knew this consumer: another one may
    /// have it.
    LeaseLost,
    /// The service said, when a checkpoint was saved, that the shard is another's.
    TakenAway,
    /// The shard is gone with all its logs.
    Gone,
    /// It failed for good; the worker ends with an error.
    Failed,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Released => "released",
            Self::LeaseLost => "lease lost",
            Self::TakenAway => "taken away",
            Self::Gone => "gone",
            Self::Failed => "failed",
        })
    }
}
