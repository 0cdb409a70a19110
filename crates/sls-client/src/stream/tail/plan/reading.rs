use std::time::Duration;

use sls_core::model::{Cursor, CursorPosition, Shard, ShardId, ShardStatus};

use super::{Arrived, Edge, Task, reaches};
use crate::stream::start::StreamStart;

/// What is known of one shard, and how far it has been read.
#[derive(Debug)]
pub(super) struct Reading {
    shard: Shard,
    /// Where the next batch to be given starts.
    start: StreamStart,
    end: Option<StreamStart>,
    pub(super) state: State,
    /// Whether the last list had it. Shards are never forgotten, so that a list which is late
    /// does not bring one back.
    pub(super) is_listed: bool,
    failures: u32,
}

/// What is happening to a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// An ancestor has not been read to its end.
    Waiting,
    /// It stands in the queue.
    Queued,
    /// A question is under way.
    Asked { was_closed: bool },
    /// A batch waits to be given.
    Held { next: Cursor, bytes: usize },
    /// There was nothing new, or a failure.
    Resting { until: Duration },
    /// Nothing more is read of it.
    Done,
}

impl Reading {
    pub(super) fn new(
        shard: Shard,
        start: StreamStart,
        end: Option<StreamStart>,
        state: State,
    ) -> Self {
        Self {
            shard,
            start,
            end,
            state,
            is_listed: true,
            failures: 0,
        }
    }

    pub(super) fn id(&self) -> ShardId {
        self.shard.id
    }

    pub(super) fn shard(&self) -> &Shard {
        &self.shard
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shard.status == ShardStatus::ReadOnly
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    pub(super) fn was_closed_when_asked(&self) -> bool {
        self.state == State::Asked { was_closed: true }
    }

    pub(super) fn rests_until(&self) -> Option<Duration> {
        match self.state {
            State::Resting { until } => Some(until),
            _ => None,
        }
    }

    /// Where the next batch to be given starts, once that is known.
    pub(super) fn cursor(&self) -> Option<&Cursor> {
        cursor(&self.start)
    }

    /// Takes what a list says of it; whether that is worth asking at once, since a shard that
    /// was just closed is a step away from its end.
    pub(super) fn describe(&mut self, shard: Shard) -> bool {
        let was_closed = self.is_closed();
        self.shard = shard;
        self.is_listed = true;
        let wakes =
            !was_closed && self.is_closed() && self.failures == 0 && self.rests_until().is_some();
        if wakes {
            self.state = State::Queued;
        }
        wakes
    }

    /// Whether both ends are cursors, as far as there are two.
    pub(super) fn is_fixed(&self) -> bool {
        let is_cursor = |place: &StreamStart| matches!(place, StreamStart::Cursor(_));
        is_cursor(&self.start) && self.end.as_ref().is_none_or(is_cursor)
    }

    /// Whether a position has to become a cursor before anything is pulled at all.
    pub(super) fn must_be_fixed(&self) -> bool {
        !self.is_done() && (moves(&self.start) || self.end.as_ref().is_some_and(moves))
    }

    /// Whether it starts at a position that is not its beginning and has no cursor yet.
    pub(super) fn starts_somewhere_else(&self) -> bool {
        !self.is_done() && moves(&self.start)
    }

    pub(super) fn fix(&mut self, edge: Edge, cursor: Cursor) {
        self.succeeded();
        let place = StreamStart::Cursor(cursor);
        match edge {
            Edge::Start => self.start = place,
            Edge::End => self.end = Some(place),
        }
    }

    /// Whether it has been read to its end, where it has one.
    pub(super) fn is_at_end(&self) -> bool {
        match (self.cursor(), self.end.as_ref().and_then(cursor)) {
            (Some(cursor), Some(end)) => reaches(cursor, end),
            _ => false,
        }
    }

    /// The question that is next.
    pub(super) fn ask(&mut self) -> Task {
        let shard = self.id();
        self.state = State::Asked {
            was_closed: self.is_closed(),
        };
        match (&self.start, &self.end) {
            (StreamStart::Position(position), _) => Task::Fix {
                shard,
                edge: Edge::Start,
                position: *position,
            },
            (_, Some(StreamStart::Position(position))) => Task::Fix {
                shard,
                edge: Edge::End,
                position: *position,
            },
            (StreamStart::Cursor(start), end) => Task::Pull {
                shard,
                cursor: start.clone(),
                end: end.as_ref().and_then(cursor).cloned(),
            },
        }
    }

    pub(super) fn hold(&mut self, arrived: Arrived) {
        self.state = State::Held {
            next: arrived.next,
            bytes: arrived.bytes,
        };
    }

    /// Moves behind the batch that was held; gives its size.
    pub(super) fn advance(&mut self) -> Option<usize> {
        let State::Held { next, bytes } = &self.state else {
            return None;
        };
        let bytes = *bytes;
        self.start = StreamStart::Cursor(next.clone());
        Some(bytes)
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure; gives how many there were in a row.
    pub(super) fn fail(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }
}

fn cursor(place: &StreamStart) -> Option<&Cursor> {
    match place {
        StreamStart::Cursor(cursor) => Some(cursor),
        StreamStart::Position(_) => None,
    }
}

/// Whether a place may be another one later. The beginning is the beginning then, too.
fn moves(place: &StreamStart) -> bool {
    matches!(place, StreamStart::Position(position) if *position != CursorPosition::Begin)
}
