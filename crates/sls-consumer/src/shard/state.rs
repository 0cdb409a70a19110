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

mod reading; // what is read next, and what came of it
mod saving; // the same of checkpoints
#[cfg(test)]
mod tests;
mod working; // the same of user code

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sls_core::model::{Cursor, CursorPosition};

use super::StopReason;
use crate::checkpointer::Place;
use crate::config::ReadSettings;
use crate::lease::Moment;
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
    /// The end of a batch that was given back before its next attempt, and is to be read again.
    again_to: Option<Cursor>,
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
            again_to: None,
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
        let may_work = self.order == Order::Run && !self.queue.is_empty();
        let work = match self.work {
            Work::Again { at } | Work::ToBury { at } if may_work => Some(at),
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

    /// Everything before it was processed.
    pub(super) fn position(&self) -> Option<&Place> {
        self.done.as_ref()
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

    /// Has the batch in hand finished, saved, and the shard given up.
    pub(super) fn drain(&mut self) {
        if self.order != Order::Drain {
            self.order = Order::Drain;
            self.is_reading = false;
            self.save_failures = 0;
            self.queue.truncate(self.in_hand());
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
        self.keep_only(self.in_hand());
    }

    pub(super) fn resume(&mut self) {
        if self.order == Order::Pause {
            self.order = Order::Run;
        }
    }

    fn give_up(&mut self, reason: StopReason) {
        self.ending = reason;
        self.drain();
    }
}
