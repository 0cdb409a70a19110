use std::time::SystemTime;

use sls_core::model::{Cursor, CursorPosition};

/// Where a [`ShardStream`](super::ShardStream) starts or ends: a position, or the cursor where
/// an earlier one stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamStart {
    /// A position that the service turns into a cursor first.
    Position(CursorPosition),
    /// A cursor that the service gave.
    Cursor(Cursor),
}

impl From<CursorPosition> for StreamStart {
    fn from(position: CursorPosition) -> Self {
        Self::Position(position)
    }
}

impl From<SystemTime> for StreamStart {
    fn from(time: SystemTime) -> Self {
        Self::Position(CursorPosition::At(time))
    }
}

impl From<Cursor> for StreamStart {
    fn from(cursor: Cursor) -> Self {
        Self::Cursor(cursor)
    }
}

/// Whether a cursor is at an end or beyond it.
pub(super) fn reaches(cursor: &Cursor, end: &Cursor) -> bool {
    match (cursor.position(), end.position()) {
        (Some(cursor), Some(end)) => cursor >= end,
        _ => cursor == end,
    }
}
