use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError, Weak};
use std::time::SystemTime;

use telemetry_delivery::Clock as _;
use telemetry_delivery::batch::{DropReason, Drops, Event, Outcome, Receipt, Rejected, fork_epoch};

use super::Core;
use crate::announcement::Announcement;

/// How many announcements are followed until they are out; they are rare.
const FOLLOWED: usize = 64;

/// Tells in the stream of records itself which ones are missing.
///
/// What it has to tell is kept until it is in the queue, and comes back when the announcement is
/// dropped there.
#[derive(Debug)]
pub(crate) struct Announcer {
    core: Arc<OnceLock<Weak<Core>>>,
    announce: bool,
    missing: Mutex<Missing>,
}

#[derive(Debug, Default)]
struct Missing {
    /// Counts are those of one process, see [`fork_epoch`].
    epoch: u64,
    /// What nobody was told of yet.
    untold: Drops,
    /// When the first of these was noticed.
    since: Option<SystemTime>,
    told: VecDeque<Told>,
}

/// An announcement that is in the queue.
#[derive(Debug)]
struct Told {
    drops: Drops,
    since: SystemTime,
    receipt: Receipt,
}

impl Announcer {
    pub(crate) fn new(core: Arc<OnceLock<Weak<Core>>>, announce: bool) -> Self {
        Self {
            core,
            announce,
            missing: Mutex::default(),
        }
    }

    pub(crate) fn on_event(&self, event: &Event) {
        let Some(core) = self.core.get().and_then(Weak::upgrade) else {
            return;
        };
        match event {
            Event::Dropped { .. } => {
                if let Some(mut missing) = self.missing() {
                    missing.since.get_or_insert_with(|| core.clock.now());
                }
            }
            Event::Resumed { dropped } if self.announce => self.resumed(&core, dropped),
            _ => {}
        }
    }

    fn resumed(&self, core: &Core, dropped: &Drops) {
        let now = core.clock.now();
        let Some(mut missing) = self.missing() else {
            return;
        };
        missing.untold = missing.untold.and(dropped);
        missing.take_back();
        let drops = missing.untold;
        let since = missing.since.unwrap_or(now);
        if drops.total() == 0 {
            missing.since = None;
            return;
        }
        drop(missing);
        // Only this thread comes here, so that nothing has changed in between. Where there is no
        // room the engine tells of the next batch that goes out.
        if let Ok(receipt) = core.announce(&drops, since, now) {
            if let Some(mut missing) = self.missing() {
                missing.untold = Drops::default();
                missing.since = None;
                missing.told.push_back(Told {
                    drops,
                    since,
                    receipt,
                });
                if missing.told.len() > FOLLOWED {
                    missing.told.pop_front();
                }
            }
        }
    }

    /// Only the engine's thread comes here; the lock is taken when this process is a copy of one
    /// that was in the middle of it.
    fn missing(&self) -> Option<MutexGuard<'_, Missing>> {
        let mut missing = match self.missing.try_lock() {
            Ok(missing) => missing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        if missing.epoch != fork_epoch() {
            *missing = Missing {
                epoch: fork_epoch(),
                ..Missing::default()
            };
        }
        Some(missing)
    }
}

impl Missing {
    /// Takes back what announcements have told that were dropped themselves.
    fn take_back(&mut self) {
        for _ in 0..self.told.len() {
            let Some(told) = self.told.pop_front() else {
                return;
            };
            match told.receipt.outcome() {
                None => self.told.push_back(told),
                Some(Outcome::Dropped(_)) => {
                    self.untold = self.untold.and(&told.drops);
                    self.since = Some(self.since.map_or(told.since, |it| it.min(told.since)));
                }
                Some(_) => {}
            }
        }
    }
}

impl Core {
    fn announce(
        &self,
        dropped: &Drops,
        since: SystemTime,
        now: SystemTime,
    ) -> Result<Receipt, Rejected> {
        let reasons: Vec<(u64, String)> = DropReason::ALL
            .iter()
            .map(|reason| (dropped.of(*reason), reason.to_string()))
            .filter(|(count, _)| *count > 0)
            .collect();
        let announcement = Announcement {
            total: dropped.total(),
            reasons: &reasons,
            since,
        };
        self.notice(now, &announcement.to_string(), dropped.total())
    }
}
