use std::time::Duration;

use sls_core::model::{CursorPosition, Shard};

use super::place_in;
use super::reading::{Reading, State};
use crate::stream::start::StreamStart;
use crate::stream::tail::start::TailStart;

/// What is to be read, and how eagerly.
#[derive(Debug)]
pub(in crate::stream::tail) struct Rules {
    pub(in crate::stream::tail) from: TailStart,
    pub(in crate::stream::tail) to: Option<TailStart>,
    pub(in crate::stream::tail) until_caught_up: bool,
    pub(in crate::stream::tail) max_in_flight: usize,
    pub(in crate::stream::tail) max_held_bytes: usize,
    pub(in crate::stream::tail) idle: Duration,
    pub(in crate::stream::tail) list_interval: Duration,
}

impl Rules {
    /// The pause doubles with every failure in a row, up to this many times.
    const MAX_DOUBLINGS: u32 = 5;

    /// Whether shards are read that do not exist yet. What ends by itself reads what was there
    /// when it began.
    pub(super) fn follows(&self) -> bool {
        self.to.is_none() && !self.until_caught_up
    }

    /// How long to leave alone what has failed so often in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(Self::MAX_DOUBLINGS);
        self.idle.saturating_mul(1 << doublings)
    }

    /// What is to be read of a shard that was not known before.
    pub(super) fn reading(&self, shard: Shard, is_first_list: bool) -> Reading {
        let begin = StreamStart::Position(CursorPosition::Begin);
        let start = match &self.from {
            TailStart::Position(_) if !is_first_list => begin,
            from => place_in(from, shard.id).unwrap_or(begin),
        };
        let end = self.to.as_ref().map(|to| place_in(to, shard.id));
        // Nothing is read of a shard that the end does not know.
        let state = match end {
            Some(None) => State::Done,
            _ => State::Waiting,
        };
        Reading::new(shard, start, end.flatten(), state)
    }
}
