use std::collections::BTreeMap;
use std::time::SystemTime;

use sls_core::model::{Cursor, CursorPosition, ShardId};

/// Where a [`TailStream`](super::TailStream) starts or ends: a position that is the same for
/// all shards, or a cursor for each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TailStart {
    /// The same for every shard that exists when reading begins.
    ///
    /// Shards that come later are read from their beginning.
    Position(CursorPosition),
    /// Where an earlier tail stopped, see [`positions`](super::TailStream::positions).
    ///
    /// As a start, a shard that is not named is read from its beginning: it is younger than
    /// the positions. As an end, nothing is read of it, for the same reason.
    Positions(BTreeMap<ShardId, Cursor>),
}

impl From<CursorPosition> for TailStart {
    fn from(position: CursorPosition) -> Self {
        Self::Position(position)
    }
}

impl From<SystemTime> for TailStart {
    fn from(time: SystemTime) -> Self {
        Self::Position(CursorPosition::At(time))
    }
}

impl From<BTreeMap<ShardId, Cursor>> for TailStart {
    fn from(positions: BTreeMap<ShardId, Cursor>) -> Self {
        Self::Positions(positions)
    }
}
