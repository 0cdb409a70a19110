//! What is read next, and what came of it.
//!
//! An answer to a question that was taken back is dropped by the shell.

use std::time::SystemTime;

use sls_core::model::{Cursor, CursorPosition};

use super::{
    Action, End, Entry, MOST_BATCHES, MOST_REFUSALS, Order, Pulled, READ_PAUSES, Read, ReadFailure,
    ShardState, Work,
};
use crate::checkpointer::Place;
use crate::lease::Moment;
use crate::pace::{self, Catch};
use crate::policy::doubled;
use crate::shard::StopReason;

impl<B> ShardState<B> {
    /// Whether everything that was read is processed, and that was all there is.
    pub(in crate::shard) fn is_caught_up(&self) -> bool {
        self.at_end && self.queue.is_empty()
    }

    /// Whether there is a batch that only waits for its next attempt.
    pub(in crate::shard) fn waits_with_batch(&self) -> bool {
        let waits = matches!(self.work, Work::Again { .. } | Work::ToBury { .. });
        waits && !self.queue.is_empty() && !self.is_gone
    }

    /// Whether there is a batch that has not been handed over.
    pub(in crate::shard) fn has_ahead(&self) -> bool {
        self.queue.len() > self.in_hand() && !self.is_gone
    }

    /// Gives back what was read ahead.
    pub(in crate::shard) fn give_back_ahead(&mut self) {
        self.keep_only(self.in_hand());
    }

    /// Gives the batch back that waits for its next attempt, and all behind it. It is read again,
    /// from its beginning to its end, when its time has come.
    pub(in crate::shard) fn give_back(&mut self) {
        let (Work::Again { at } | Work::ToBury { at }) = self.work else {
            return;
        };
        if let Some(entry) = self.queue.front() {
            self.again_to = Some(entry.next.clone());
            self.keep_only(0);
            self.read_after = at;
        }
    }

    pub(in crate::shard) fn loaded(&mut self, checkpoint: Option<Cursor>) {
        self.read_succeeded();
        match checkpoint {
            Some(cursor) => {
                self.saved = Some(Place {
                    sequence: 0,
                    cursor: cursor.clone(),
                });
                self.is_resumed = true;
                self.begin_at(cursor);
            }
            None => self.read = Read::Begin,
        }
    }

    pub(in crate::shard) fn located(&mut self, cursor: Cursor) {
        self.read_succeeded();
        match self.read {
            Read::FixEnd => {
                self.end = End::Fixed(cursor);
                self.read = Read::Pull;
            }
            Read::Recover if !self.queue.is_empty() => {
                // What was read before is processed first; then the gap.
                self.read_to = Some(cursor.clone());
                if let Some(last) = self.queue.back_mut() {
                    last.next = cursor;
                }
                self.read = Read::Pull;
            }
            _ => {
                self.forget_attempts();
                // A worker that dies before its first save must not leave a gap.
                let is_first = self.read == Read::Begin;
                self.is_anchoring = is_first && self.settings.start == CursorPosition::End;
                self.begin_at(cursor);
            }
        }
    }

    pub(in crate::shard) fn pulled(&mut self, now: Moment, pulled: Pulled<B>) {
        self.read_succeeded();
        let moved = self.read_to.as_ref() != Some(&pulled.next);
        self.still = if moved { 0 } else { self.still + 1 };
        // Read again up to where it went before, it says nothing about the end of the shard.
        let at_end = match self.again_to.take() {
            Some(_) => Some(false),
            None => pulled.at_end,
        };
        self.at_end = !moved || at_end == Some(true);
        let catch = Catch {
            moved,
            at_end,
            groups: pulled.groups,
            bytes: pulled.bytes,
            asked: u64::from(self.settings.count),
        };
        self.read_after = now + pace::pause(catch, self.still, self.settings.idle);
        if !moved {
            return;
        }
        self.read_to = Some(pulled.next.clone());
        match (pulled.batch, self.queue.back_mut()) {
            (Some(batch), _) => {
                self.sequence += 1;
                self.queue.push_back(Entry {
                    batch,
                    sequence: self.sequence,
                    next: pulled.next,
                });
            }
            (None, Some(last)) => last.next = pulled.next,
            (None, None) => {
                self.forget_attempts();
                if let Some(done) = &mut self.done {
                    done.cursor = pulled.next;
                }
            }
        }
    }

    /// An answer came that there is no room for; it is asked for again.
    pub(in crate::shard) fn not_held(&mut self) {
        self.is_reading = false;
    }

    /// Whether the worker has to stop for it.
    pub(in crate::shard) fn read_failed(&mut self, now: Moment, failure: ReadFailure) -> bool {
        self.is_reading = false;
        self.read_failures += 1;
        let (first, longest) = READ_PAUSES;
        self.read_after = now + doubled(first, self.read_failures).min(longest);
        match failure {
            ReadFailure::Passing => self.refusals = 0,
            ReadFailure::Gone => self.is_gone = true,
            ReadFailure::Expired if self.settings.on_expired.position().is_some() => {
                self.read = Read::Recover;
                self.read_after = now;
            }
            ReadFailure::Expired => {
                self.give_up(StopReason::Failed);
                return true;
            }
            ReadFailure::Lasting => {
                self.refusals += 1;
                if self.refusals >= MOST_REFUSALS {
                    self.give_up(StopReason::Failed);
                    return true;
                }
            }
        }
        false
    }

    /// Gives back what was read behind the first so many batches.
    pub(super) fn keep_only(&mut self, batches: usize) {
        self.is_reading = false;
        // What is left of a shard that is gone cannot be read again.
        if self.is_gone {
            return;
        }
        self.queue.truncate(batches);
        if self.read_to.is_some() {
            let last = self.queue.back().map(|entry| entry.next.clone());
            self.read_to = last.or_else(|| self.done.clone().map(|done| done.cursor));
            self.at_end = false;
        }
    }

    /// What failed before and was given back is not there any more.
    pub(super) fn forget_attempts(&mut self) {
        self.again_to = None;
        if matches!(self.work, Work::Again { .. } | Work::ToBury { .. }) {
            self.work = Work::Free;
            self.failures = 0;
        }
    }

    pub(super) fn begin_at(&mut self, cursor: Cursor) {
        self.read = Read::Pull;
        self.still = 0;
        self.read_to = Some(cursor.clone());
        let sequence = self.done.as_ref().map_or(0, |done| done.sequence);
        self.done = Some(Place { sequence, cursor });
    }

    pub(super) fn read_succeeded(&mut self) {
        self.is_reading = false;
        self.read_failures = 0;
        self.refusals = 0;
    }

    pub(super) fn may_read(&self) -> bool {
        let has_room = self.read != Read::Pull || self.queue.len() < MOST_BATCHES;
        let is_wanted = has_room && !self.is_gone && !self.is_anchoring && !self.is_at_end();
        self.stopped.is_none() && self.order == Order::Run && !self.is_reading && is_wanted
    }

    pub(super) fn next_read(&mut self, wall: SystemTime) -> Option<Action> {
        if let (Read::Pull, End::At(time)) = (self.read, &self.end) {
            if wall >= *time {
                self.read = Read::FixEnd;
            }
        }
        Some(match self.read {
            Read::Load => Action::Load,
            Read::Begin => Action::Locate(self.settings.start),
            Read::Recover => Action::Locate(self.settings.on_expired.position()?),
            Read::FixEnd => Action::Locate(CursorPosition::At(self.settings.until?)),
            Read::Pull => Action::Pull {
                cursor: self.read_to.clone()?,
                end: match (&self.again_to, &self.end) {
                    (Some(end), _) | (None, End::Fixed(end)) => Some(end.clone()),
                    _ => None,
                },
                is_ahead: !self.queue.is_empty(),
            },
        })
    }

    /// Everything up to the end that was asked for was read.
    pub(super) fn is_at_end(&self) -> bool {
        let (End::Fixed(end), Some(read_to)) = (&self.end, &self.read_to) else {
            return false;
        };
        let positions = read_to.position().zip(end.position());
        read_to == end || positions.is_some_and(|(read_to, end)| read_to >= end)
    }
}
