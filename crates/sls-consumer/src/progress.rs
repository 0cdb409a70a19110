//! How far shards are.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sls_core::model::{Cursor, ShardId};

/// Where one shard stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardProgress {
    /// The shard.
    pub shard: ShardId,
    /// What its task does.
    pub phase: Phase,
    /// Since when this worker has it, by the wall clock.
    pub held_since: SystemTime,
    /// Everything before it was processed; `None` until the checkpoint is known.
    pub position: Option<Cursor>,
    /// The checkpoint as far as it is known to be saved.
    pub saved: Option<Cursor>,
    /// How long ago the service received what was processed last; zero once everything was
    /// processed, `None` when that is not known yet. To the second.
    pub lag: Option<Duration>,
    /// When a batch was processed last, by the wall clock.
    pub last_success: Option<SystemTime>,
    /// Logs that were processed.
    pub logs: u64,
    /// Batches that were processed.
    pub batches: u64,
    /// Times that the processor failed.
    pub failures: u64,
    /// Batches that were skipped after they failed too often.
    pub skipped: u64,
    /// Batches that went to the dead letters.
    pub dead_letters: u64,
    /// Checkpoints that had expired.
    pub expired: u64,
    /// Why the last call for this shard failed; `None` after one that succeeded.
    pub trouble: Option<String>,
}

/// What the task of a shard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Looks for where to begin.
    Starting,
    /// Pulls and waits for logs.
    Pulling,
    /// The processor has a batch in hand.
    Processing,
    /// A batch failed and waits for its next turn.
    Retrying,
    /// Was paused by the program.
    Paused,
    /// Everything up to the end that was asked for is processed and saved.
    Finished,
    /// Finishes and saves before it is given up.
    Draining,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Pulling => "pulling",
            Self::Processing => "processing",
            Self::Retrying => "retrying",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Draining => "draining",
        })
    }
}

/// The progress of a shard, written by its task and read by anybody.
#[derive(Debug)]
pub(crate) struct Board(Mutex<ShardProgress>);

impl Board {
    pub(crate) fn new(shard: ShardId, held_since: SystemTime) -> Self {
        Self(Mutex::new(ShardProgress {
            shard,
            phase: Phase::Starting,
            held_since,
            position: None,
            saved: None,
            lag: None,
            last_success: None,
            logs: 0,
            batches: 0,
            failures: 0,
            skipped: 0,
            dead_letters: 0,
            expired: 0,
            trouble: None,
        }))
    }

    pub(crate) fn look(&self) -> ShardProgress {
        self.with(|progress| progress.clone())
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut ShardProgress) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
