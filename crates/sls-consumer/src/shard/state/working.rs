//! What user code does next, and what came of it.

use super::{Action, Order, ShardState, Verdict, Work};
use crate::checkpointer::Place;
use crate::lease::Moment;
use crate::policy::Exhausted;
use crate::shard::StopReason;

impl<B> ShardState<B> {
    /// The batch in hand.
    pub(in crate::shard) fn front(&self) -> Option<&B> {
        self.queue.front().map(|entry| &entry.batch)
    }

    /// The number that the next batch gets.
    pub(in crate::shard) fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    /// Whether the processor was told that the shard begins and not that it ends.
    pub(in crate::shard) fn is_started(&self) -> bool {
        !matches!(self.work, Work::Unstarted | Work::Stopping | Work::Ended)
    }

    /// The processor was told that the shard begins.
    pub(in crate::shard) fn started(&mut self) {
        self.work = Work::Free;
    }

    /// The processor was told that the shard ends.
    pub(in crate::shard) fn ended(&mut self) {
        self.work = Work::Ended;
    }

    /// The batch in front was processed, or is safe among the dead letters.
    pub(in crate::shard) fn processed(&mut self) {
        self.work = Work::Free;
        self.failures = 0;
        if let Some(entry) = self.queue.pop_front() {
            self.done = Some(Place {
                sequence: entry.sequence,
                cursor: entry.next,
            });
        }
    }

    /// The processor failed with the batch in front.
    pub(in crate::shard) fn failed(&mut self, now: Moment) -> Verdict {
        self.failures = self.failures.saturating_add(1);
        let policy = &self.settings.on_failure;
        let is_last = self.failures >= policy.attempts && policy.attempts != u32::MAX;
        if self.order == Order::Drain {
            self.work = Work::Free;
            return Verdict::LeftToOthers;
        }
        if !is_last {
            let at = now + policy.pause(self.failures);
            self.work = Work::Again { at };
            return Verdict::Again;
        }
        match policy.then {
            Exhausted::Stop => {
                self.work = Work::Free;
                self.give_up(StopReason::Failed);
                Verdict::Stop
            }
            Exhausted::DeadLetter(_) => {
                self.failures = 0;
                self.work = Work::ToBury { at: now };
                Verdict::Bury
            }
            Exhausted::Skip => {
                self.processed();
                Verdict::Skipped
            }
        }
    }

    /// The dead letters did not take the batch in front.
    pub(in crate::shard) fn not_buried(&mut self, now: Moment) {
        self.failures = self.failures.saturating_add(1);
        let at = now + self.settings.on_failure.pause(self.failures);
        self.work = Work::ToBury { at };
    }

    /// How many batches at the front are not to be given back.
    pub(super) fn in_hand(&self) -> usize {
        let is_free = matches!(self.work, Work::Unstarted | Work::Starting | Work::Free);
        usize::from(!is_free)
    }

    pub(super) fn next_work(&mut self, now: Moment) -> Option<Action> {
        match (self.work, self.order) {
            (Work::Unstarted, Order::Drain) => {
                self.work = Work::Ended;
                None
            }
            (Work::Unstarted, _) => {
                let from = self.done.as_ref()?.cursor.clone();
                self.work = Work::Starting;
                Some(Action::Start {
                    from,
                    is_resumed: self.is_resumed,
                })
            }
            (Work::Free | Work::Again { .. } | Work::ToBury { .. }, Order::Drain) => {
                self.work = Work::Stopping;
                Some(Action::Stop)
            }
            (Work::Free, Order::Run) if !self.queue.is_empty() => Some(self.process()),
            // One that was given back is read again first.
            (Work::Again { at } | Work::ToBury { at }, Order::Run)
                if now < at || self.queue.is_empty() =>
            {
                None
            }
            (Work::Again { .. }, Order::Run) => Some(self.process()),
            (Work::ToBury { .. }, Order::Run) => {
                self.work = Work::Burying;
                Some(Action::Bury)
            }
            _ => None,
        }
    }

    pub(super) fn process(&mut self) -> Action {
        self.work = Work::Processing;
        Action::Process {
            attempt: self.failures.saturating_add(1),
        }
    }

    /// Nothing in hand and nothing read.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.work == Work::Free
    }
}
