//! What is saved next, and what came of it.

use std::time::Duration;

use super::{IDLE_SAVES, LAST_SAVES, Order, SAVE_PAUSES, SaveFailure, ShardState, Work};
use crate::checkpointer::{Mark, Place};
use crate::lease::Moment;
use crate::policy::doubled;
use crate::shard::StopReason;

impl<B> ShardState<B> {
    /// Neither loads nor saves a checkpoint before this moment: one that was sent earlier may
    /// arrive until then.
    pub(in crate::shard) fn settle_until(&mut self, at: Moment) {
        self.read_after = at;
        self.save_after = at;
    }

    /// Until when a save that got no answer may still arrive.
    pub(in crate::shard) fn stray_until(&self, now: Moment) -> Option<Moment> {
        let sent = self.saving.as_ref().map(|_| now + self.settings.settle);
        let stray = self.stray.as_ref().map(|(_, until)| *until);
        sent.max(stray).filter(|until| now < *until)
    }

    /// What is known to be saved.
    pub(in crate::shard) fn saved_place(&self) -> Option<&Place> {
        self.saved.as_ref()
    }

    /// The processor says how far it is.
    pub(in crate::shard) fn marked(&mut self, mark: Mark) {
        if mark.is_urgent {
            self.urgent = self.urgent.max(mark.place.sequence);
        }
        let before = self.marked.as_ref().map_or(0, |place| place.sequence);
        if mark.place.sequence >= before {
            self.marked = Some(mark.place);
        }
    }

    /// Gives the number of the last batch that is saved.
    pub(in crate::shard) fn saved(&mut self, now: Moment) -> u64 {
        self.saved = self.saving.take();
        self.saved_at = now;
        self.save_failures = 0;
        self.is_anchoring = false;
        self.saved.as_ref().map_or(0, |place| place.sequence)
    }

    pub(in crate::shard) fn save_failed(&mut self, now: Moment, failure: SaveFailure) {
        let place = self.saving.take();
        self.save_failures += 1;
        let (first, longest) = SAVE_PAUSES;
        self.save_after = now + doubled(first, self.save_failures).min(longest);
        match failure {
            SaveFailure::NoAnswer => {
                let until = now + self.settings.settle;
                self.stray = place.map(|place| (place.cursor, until));
            }
            SaveFailure::Refused => {}
            SaveFailure::NotOurs => self.stopped = Some(StopReason::TakenAway),
            SaveFailure::Gone => self.stopped = Some(StopReason::Gone),
        }
    }

    /// What may be saved now.
    pub(super) fn target(&self) -> Option<&Place> {
        let done = self.done.as_ref()?;
        match &self.marked {
            // The processor is sure of the batch that it has in hand.
            Some(mark) if mark.sequence > done.sequence => Some(mark),
            Some(mark) if self.settings.is_manual && mark.sequence < done.sequence => Some(mark),
            None if self.settings.is_manual && done.sequence > 0 => None,
            _ => Some(done),
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        let saved = self.saved.as_ref().map(|place| &place.cursor);
        self.target()
            .is_none_or(|target| Some(&target.cursor) == saved)
    }

    /// When the next save is due; may be in the past.
    pub(super) fn save_at(&self) -> Option<Moment> {
        let target = self
            .target()
            .filter(|_| !self.is_clean() && self.saving.is_none())?;
        if self.order == Order::Drain && self.save_failures >= LAST_SAVES {
            return None;
        }
        let saved = self.saved.as_ref().map_or(0, |place| place.sequence);
        let is_last = self.order == Order::Drain && self.work == Work::Ended;
        let is_asked_for = self.urgent > saved && target.sequence >= self.urgent;
        let is_quiet = self.is_quiet() && (self.at_end || self.is_at_end());
        let wanted = if is_last || is_asked_for || self.is_anchoring {
            Duration::ZERO
        } else {
            let due = self.dirty_since? + self.settings.save_interval;
            match is_quiet {
                true => due.min(self.first_or(self.saved_at + IDLE_SAVES)),
                false => due,
            }
        };
        let stray = self
            .stray
            .as_ref()
            .filter(|(cursor, _)| *cursor != target.cursor);
        let settled = stray.map_or(Duration::ZERO, |(_, until)| *until);
        Some(wanted.max(self.save_after).max(settled))
    }

    /// The first save waits for nothing.
    pub(super) fn first_or(&self, at: Moment) -> Moment {
        match self.saved_at {
            Duration::ZERO => Duration::ZERO,
            _ => at,
        }
    }
}
