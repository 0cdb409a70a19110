use std::future::Future;

use crate::api::{Processing, PulledLogs};
use crate::error::Error;
use crate::model::{Cursor, CursorPosition, Shard, ShardId};

/// Reads the shards of one logstore. Generic: used once per program, on a busy path.
pub trait ShardReader: Send + Sync + 'static {
    /// All shards, those that no longer take writes included.
    ///
    /// # Errors
    /// [`Error`] when the service refuses or cannot be reached.
    fn shards(&self) -> impl Future<Output = Result<Vec<Shard>, Error>> + Send;

    /// A cursor of one shard.
    ///
    /// # Errors
    /// [`Error`] when the service refuses or cannot be reached.
    fn cursor(
        &self,
        shard: ShardId,
        from: CursorPosition,
    ) -> impl Future<Output = Result<Cursor, Error>> + Send;

    /// The next log groups of one shard.
    ///
    /// # Errors
    /// [`Error`]; with the code [`InvalidCursor`](crate::ErrorCode::InvalidCursor) once the
    /// cursor has outlived what the logstore keeps.
    fn pull(&self, pull: Pull) -> impl Future<Output = Result<PulledLogs, Error>> + Send;
}

/// What to read of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The shard.
    pub shard: ShardId,
    /// Where to read on.
    pub cursor: Cursor,
    /// The most log groups to read, 1 to 1000.
    pub count: u32,
    /// Where to stop, if anywhere.
    pub end_cursor: Option<Cursor>,
    /// What the service does with the logs first.
    pub processing: Option<Processing>,
}
