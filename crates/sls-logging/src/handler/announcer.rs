use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;

use telemetry_delivery::Clock as _;
use telemetry_delivery::batch::{DropReason, Drops, Event, Outcome, Receipt, Rejected};

use super::Core;
use crate::announcement::Announcement;
use crate::per_process::PerProcess;

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
    /// Counts are those of one process.
    missing: PerProcess<Missing>,
}

#[derive(Debug, Default)]
struct Missing {
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
            missing: PerProcess::new(),
        }
    }

    pub(crate) fn on_event(&self, event: &Event) {
        let Some(core) = self.core.get().and_then(Weak::upgrade) else {
            return;
        };
        match event {
            Event::Dropped { .. } => {
                let now = core.clock.now();
                self.missing.with(|missing| {
                    missing.since.get_or_insert(now);
                });
            }
            Event::Resumed { dropped } if self.announce => self.resumed(&core, dropped),
            _ => {}
        }
    }

    fn resumed(&self, core: &Core, dropped: &Drops) {
        let now = core.clock.now();
        let untold = self.missing.with(|missing| missing.untold(dropped, now));
        let Some((drops, since)) = untold else {
            return;
        };
        // Only this thread comes here, so that nothing has changed in between. Where there is no
        // room the engine tells of the next batch that goes out.
        if let Ok(receipt) = core.announce(&drops, since, now) {
            self.missing.with(|missing| {
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
            });
        }
    }
}

impl Missing {
    /// What is to be told after these were dropped, too, and since when it is missing.
    fn untold(&mut self, dropped: &Drops, now: SystemTime) -> Option<(Drops, SystemTime)> {
        self.untold = self.untold.and(dropped);
        self.take_back();
        if self.untold.total() == 0 {
            self.since = None;
            return None;
        }
        Some((self.untold, self.since.unwrap_or(now)))
    }

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
