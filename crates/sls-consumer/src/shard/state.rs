//! What to do next about one shard. Pure: the time is an argument, batches are opaque.
//!
//! ```text
//!   reading   load the checkpoint -> (locate the start) -> pull, pull, ...
//!                                        ^                   |
//!                                        +-- expired cursor -+
//!   working   started hook -> process a batch -> process the next ...
//!                                |       ^
//!                                +-fails-+--> stop | dead letter | skip
//!   saving    in due time, when there is no news, when asked to, and last
//!
//!   drain: no more reading, the batch in hand finishes, stopped hook, last save, end
//! ```
//!
//! The three go on side by side, one thing each at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sls_core::model::{Cursor, CursorPosition};

use super::StopReason;
use crate::checkpointer::{Mark, Place};
use crate::config::ReadSettings;
use crate::lease::Moment;
use crate::pace::{self, Catch};
use crate::policy::{Exhausted, doubled};
use crate::progress::Phase;

/// A batch in hand and one read ahead.
const MOST_BATCHES: usize = 2;
/// How often a read is refused for good before the shard is given up.
const MOST_REFUSALS: u32 = 5;
/// The first pause after a read that failed, and the longest.
const READ_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// The first pause after a save that failed, and the longest.
const SAVE_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How often the last save is tried.
const LAST_SAVES: u32 = 5;
/// The shortest time between two saves that only the lack of news is the reason for.
const IDLE_SAVES: Duration = Duration::from_secs(1);

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Ask for the checkpoint.
    Load,
    /// Ask for a cursor.
    Locate(CursorPosition),
    /// Read the next logs.
    Pull {
        cursor: Cursor,
        end: Option<Cursor>,
        /// Whether there is a batch in hand already.
        is_ahead: bool,
    },
    /// Tell the processor that the shard begins.
    Start { from: Cursor, is_resumed: bool },
    /// Hand over the batch in front, for the so-manieth time.
    Process { attempt: u32 },
    /// Write the batch in front to the dead letters.
    Bury,
    /// Tell the processor that the shard ends.
    Stop,
    /// Save a checkpoint.
    Save(Cursor),
}

/// What a pull brought.
#[derive(Debug)]
pub(super) struct Pulled<B> {
    pub(super) next: Cursor,
    pub(super) at_end: Option<bool>,
    /// Read before a query, where there is one.
    pub(super) groups: u64,
    pub(super) bytes: u64,
    /// `None` when there is nothing to process.
    pub(super) batch: Option<B>,
}

/// Why reading failed, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadFailure {
    /// It may work the next time.
    Passing,
    /// It will not.
    Lasting,
    /// Nothing is kept any more at the cursor.
    Expired,
    /// There is no such shard any more.
    Gone,
}

/// Why saving failed, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveFailure {
    /// The save may still arrive.
    NoAnswer,
    /// Nothing was saved.
    Refused,
    /// The shard is another's.
    NotOurs,
    /// There is no such shard any more.
    Gone,
}

/// What becomes of a batch that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is handed over again.
    Again,
    /// The shard is being given up, so others will have it.
    LeftToOthers,
    /// It goes to the dead letters.
    Bury,
    /// It is skipped.
    Skipped,
    /// The worker stops.
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Load,
    Begin,
    Recover,
    FixEnd,
    Pull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Unstarted,
    Starting,
    Free,
    Processing,
    Again { at: Moment },
    ToBury { at: Moment },
    Burying,
    Stopping,
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Never,
    At(SystemTime),
    Fixed(Cursor),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Run,
    Pause,
    Drain,
}

#[derive(Debug)]
struct Entry<B> {
    batch: B,
    sequence: u64,
    next: Cursor,
}

/// The state machine of one shard.
#[derive(Debug)]
pub(super) struct ShardState<B> {
    settings: Arc<ReadSettings>,
    order: Order,
    stopped: Option<StopReason>,
    /// How it ends when it has drained.
    ending: StopReason,
    /// There is nothing more to read, ever.
    is_gone: bool,

    read: Read,
    is_reading: bool,
    read_after: Moment,
    read_failures: u32,
    refusals: u32,
    /// How many pulls in a row did not move the cursor.
    still: u32,
    at_end: bool,
    read_to: Option<Cursor>,
    end: End,
    is_resumed: bool,

    work: Work,
    failures: u32,
    sequence: u64,
    /// In front the batch in hand.
    queue: VecDeque<Entry<B>>,
    /// Everything before it was processed.
    done: Option<Place>,

    marked: Option<Place>,
    urgent: u64,
    saved: Option<Place>,
    saving: Option<Place>,
    save_after: Moment,
    saved_at: Moment,
    save_failures: u32,
    dirty_since: Option<Moment>,
    /// A save that may still arrive, and until when.
    stray: Option<(Cursor, Moment)>,
    /// Nothing is read before the place is saved.
    is_anchoring: bool,
}

impl<B> ShardState<B> {
    pub(super) fn new(settings: Arc<ReadSettings>) -> Self {
        let end = settings.until.map_or(End::Never, End::At);
        Self {
            settings,
            order: Order::Run,
            stopped: None,
            ending: StopReason::Released,
            is_gone: false,
            read: Read::Load,
            is_reading: false,
            read_after: Duration::ZERO,
            read_failures: 0,
            refusals: 0,
            still: 0,
            at_end: false,
            read_to: None,
            end,
            is_resumed: false,
            work: Work::Unstarted,
            failures: 0,
            sequence: 0,
            queue: VecDeque::new(),
            done: None,
            marked: None,
            urgent: 0,
            saved: None,
            saving: None,
            save_after: Duration::ZERO,
            saved_at: Duration::ZERO,
            save_failures: 0,
            dirty_since: None,
            stray: None,
            is_anchoring: false,
        }
    }

    /// Saves nothing before this moment: what was sent earlier may arrive until then.
    pub(super) fn save_only_after(&mut self, at: Moment) {
        self.save_after = at;
    }

    /// Until when a save that got no answer may still arrive.
    pub(super) fn stray_until(&self, now: Moment) -> Option<Moment> {
        let sent = self.saving.as_ref().map(|_| now + self.settings.settle);
        let stray = self.stray.as_ref().map(|(_, until)| *until);
        sent.max(stray).filter(|until| now < *until)
    }

    /// The next thing to do; `None` for nothing before [`wakes_at`](Self::wakes_at).
    pub(super) fn next(&mut self, now: Moment, wall: SystemTime) -> Option<Action> {
        if self.stopped.is_some() {
            return None;
        }
        if self.is_gone && self.queue.is_empty() && self.order != Order::Drain {
            self.give_up(StopReason::Gone);
        }
        self.dirty_since = match self.is_clean() {
            true => None,
            false => self.dirty_since.or(Some(now)),
        };
        if let Some(action) = self.next_work(now) {
            return Some(action);
        }
        if self.save_at().is_some_and(|at| now >= at) {
            let place = self.target()?.clone();
            self.saving = Some(place.clone());
            return Some(Action::Save(place.cursor));
        }
        if self.order == Order::Drain && self.work == Work::Ended && self.saving.is_none() {
            let gave_up = self.save_failures >= LAST_SAVES || self.ending == StopReason::Gone;
            if self.is_clean() || gave_up {
                self.stopped = Some(self.ending);
                return None;
            }
        }
        if self.may_read() && now >= self.read_after {
            let action = self.next_read(wall)?;
            self.is_reading = true;
            return Some(action);
        }
        None
    }

    /// When [`next`](Self::next) has to be asked again without an event.
    pub(super) fn wakes_at(&self) -> Option<Moment> {
        let read = self.may_read().then_some(self.read_after);
        let work = match self.work {
            Work::Again { at } | Work::ToBury { at } if self.order == Order::Run => Some(at),
            _ => None,
        };
        [read, work, self.save_at()].into_iter().flatten().min()
    }

    /// Why it ended, once it has.
    pub(super) fn stopped(&self) -> Option<StopReason> {
        self.stopped
    }

    /// Why it will have ended when it has drained.
    pub(super) fn ending(&self) -> StopReason {
        self.ending
    }

    /// The batch in hand.
    pub(super) fn front(&self) -> Option<&B> {
        self.queue.front().map(|entry| &entry.batch)
    }

    /// The number that the next batch gets.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    /// Everything before it was processed.
    pub(super) fn position(&self) -> Option<&Place> {
        self.done.as_ref()
    }

    /// What is known to be saved.
    pub(super) fn saved_place(&self) -> Option<&Place> {
        self.saved.as_ref()
    }

    /// Whether everything that was read is processed, and that was all there is.
    pub(super) fn is_caught_up(&self) -> bool {
        self.at_end && self.queue.is_empty()
    }

    /// Whether the processor was told that the shard begins and not that it ends.
    pub(super) fn is_started(&self) -> bool {
        !matches!(self.work, Work::Unstarted | Work::Stopping | Work::Ended)
    }

    pub(super) fn phase(&self) -> Phase {
        match (self.order, self.work) {
            (Order::Drain, _) => Phase::Draining,
            (_, Work::Processing | Work::Burying) => Phase::Processing,
            (Order::Pause, _) => Phase::Paused,
            (_, Work::Unstarted | Work::Starting) => Phase::Starting,
            (_, Work::Again { .. } | Work::ToBury { .. }) => Phase::Retrying,
            _ if self.is_finished() => Phase::Finished,
            _ => Phase::Pulling,
        }
    }

    fn is_finished(&self) -> bool {
        self.is_at_end() && self.is_quiet() && self.is_clean() && self.saved.is_some()
    }

    // Orders.

    /// Has the batch in hand finished, saved, and the shard given up.
    pub(super) fn drain(&mut self) {
        if self.order != Order::Drain {
            self.order = Order::Drain;
            self.is_reading = false;
            self.save_failures = 0;
        }
    }

    /// Stops here and now.
    pub(super) fn lose(&mut self) {
        self.stopped = Some(StopReason::LeaseLost);
    }

    /// Hands nothing more over until it is resumed, and gives back what was read ahead.
    pub(super) fn pause(&mut self) {
        if self.order != Order::Run {
            return;
        }
        self.order = Order::Pause;
        self.is_reading = false;
        let in_hand = usize::from(!matches!(
            self.work,
            Work::Unstarted | Work::Starting | Work::Free
        ));
        self.queue.truncate(in_hand);
        if self.read_to.is_some() {
            let last = self.queue.back().map(|entry| entry.next.clone());
            self.read_to = last.or_else(|| self.done.clone().map(|done| done.cursor));
            self.at_end = false;
        }
    }

    pub(super) fn resume(&mut self) {
        if self.order == Order::Pause {
            self.order = Order::Run;
        }
    }

    // What came of reading. An answer to a question that was taken back is dropped by the shell.

    pub(super) fn loaded(&mut self, checkpoint: Option<Cursor>) {
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

    pub(super) fn located(&mut self, cursor: Cursor) {
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
                // A worker that dies before its first save must not leave a gap.
                let is_first = self.read == Read::Begin;
                self.is_anchoring = is_first && self.settings.start == CursorPosition::End;
                self.begin_at(cursor);
            }
        }
    }

    pub(super) fn pulled(&mut self, now: Moment, pulled: Pulled<B>) {
        self.read_succeeded();
        let moved = self.read_to.as_ref() != Some(&pulled.next);
        self.still = if moved { 0 } else { self.still + 1 };
        self.at_end = !moved || pulled.at_end == Some(true);
        let catch = Catch {
            moved,
            at_end: pulled.at_end,
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
                if let Some(done) = &mut self.done {
                    done.cursor = pulled.next;
                }
            }
        }
    }

    /// Whether the worker has to stop for it.
    pub(super) fn read_failed(&mut self, now: Moment, failure: ReadFailure) -> bool {
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

    // What came of working.

    /// The processor was told that the shard begins.
    pub(super) fn started(&mut self) {
        self.work = Work::Free;
    }

    /// The processor was told that the shard ends.
    pub(super) fn ended(&mut self) {
        self.work = Work::Ended;
    }

    /// The batch in front was processed, or is safe among the dead letters.
    pub(super) fn processed(&mut self) {
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
    pub(super) fn failed(&mut self, now: Moment) -> Verdict {
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
    pub(super) fn not_buried(&mut self, now: Moment) {
        self.failures = self.failures.saturating_add(1);
        let at = now + self.settings.on_failure.pause(self.failures);
        self.work = Work::ToBury { at };
    }

    // What came of saving.

    /// The processor says how far it is.
    pub(super) fn marked(&mut self, mark: Mark) {
        if mark.is_urgent {
            self.urgent = self.urgent.max(mark.place.sequence);
        }
        let before = self.marked.as_ref().map_or(0, |place| place.sequence);
        if mark.place.sequence >= before {
            self.marked = Some(mark.place);
        }
    }

    /// Gives the number of the last batch that is saved.
    pub(super) fn saved(&mut self, now: Moment) -> u64 {
        self.saved = self.saving.take();
        self.saved_at = now;
        self.save_failures = 0;
        self.is_anchoring = false;
        self.saved.as_ref().map_or(0, |place| place.sequence)
    }

    pub(super) fn save_failed(&mut self, now: Moment, failure: SaveFailure) {
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

    // Decisions.

    fn give_up(&mut self, reason: StopReason) {
        self.ending = reason;
        self.drain();
    }

    fn begin_at(&mut self, cursor: Cursor) {
        self.read = Read::Pull;
        self.still = 0;
        self.read_to = Some(cursor.clone());
        let sequence = self.done.as_ref().map_or(0, |done| done.sequence);
        self.done = Some(Place { sequence, cursor });
    }

    fn read_succeeded(&mut self) {
        self.is_reading = false;
        self.read_failures = 0;
        self.refusals = 0;
    }

    fn may_read(&self) -> bool {
        let has_room = self.read != Read::Pull || self.queue.len() < MOST_BATCHES;
        let is_wanted = has_room && !self.is_gone && !self.is_anchoring && !self.is_at_end();
        self.stopped.is_none() && self.order == Order::Run && !self.is_reading && is_wanted
    }

    fn next_read(&mut self, wall: SystemTime) -> Option<Action> {
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
                end: match &self.end {
                    End::Fixed(end) => Some(end.clone()),
                    _ => None,
                },
                is_ahead: !self.queue.is_empty(),
            },
        })
    }

    fn next_work(&mut self, now: Moment) -> Option<Action> {
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
            (Work::Again { at }, Order::Run) if now >= at => Some(self.process()),
            (Work::ToBury { at }, Order::Run) if now >= at => {
                self.work = Work::Burying;
                Some(Action::Bury)
            }
            _ => None,
        }
    }

    fn process(&mut self) -> Action {
        self.work = Work::Processing;
        Action::Process {
            attempt: self.failures.saturating_add(1),
        }
    }

    /// What may be saved now.
    fn target(&self) -> Option<&Place> {
        let done = self.done.as_ref()?;
        match &self.marked {
            // The processor is sure of the batch that it has in hand.
            Some(mark) if mark.sequence > done.sequence => Some(mark),
            Some(mark) if self.settings.is_manual && mark.sequence < done.sequence => Some(mark),
            None if self.settings.is_manual && done.sequence > 0 => None,
            _ => Some(done),
        }
    }

    fn is_clean(&self) -> bool {
        let saved = self.saved.as_ref().map(|place| &place.cursor);
        self.target()
            .is_none_or(|target| Some(&target.cursor) == saved)
    }

    /// Nothing in hand and nothing read.
    fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.work == Work::Free
    }

    /// Everything up to the end that was asked for was read.
    fn is_at_end(&self) -> bool {
        let (End::Fixed(end), Some(read_to)) = (&self.end, &self.read_to) else {
            return false;
        };
        let positions = read_to.position().zip(end.position());
        read_to == end || positions.is_some_and(|(read_to, end)| read_to >= end)
    }

    /// When the next save is due; may be in the past.
    fn save_at(&self) -> Option<Moment> {
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
    fn first_or(&self, at: Moment) -> Moment {
        match self.saved_at {
            Duration::ZERO => Duration::ZERO,
            _ => at,
        }
    }
}

#[cfg(test)]
mod tests;
