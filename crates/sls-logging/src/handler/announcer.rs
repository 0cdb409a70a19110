use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::SystemTime;

use telemetry_delivery::Clock as _;
use telemetry_delivery::batch::{DropReason, Drops, Event};

use super::Core;
use crate::announcement::Announcement;

/// Tells in the stream of records itself which ones are missing.
#[derive(Debug)]
pub(crate) struct Announcer {
    core: Arc<OnceLock<Weak<Core>>>,
    announce: bool,
    /// When the first of the drops was noticed that nobody was told of yet.
    since: Mutex<Option<SystemTime>>,
}

impl Announcer {
    pub(crate) fn new(core: Arc<OnceLock<Weak<Core>>>, announce: bool) -> Self {
        Self {
            core,
            announce,
            since: Mutex::new(None),
        }
    }

    pub(crate) fn on_event(&self, event: &Event) {
        let Some(core) = self.core.get().and_then(Weak::upgrade) else {
            return;
        };
        // Only the engine's thread comes here; the lock is taken when this process is a copy of
        // one that was in the middle of it.
        let Ok(mut since) = self.since.try_lock() else {
            return;
        };
        match event {
            Event::Dropped { .. } if since.is_none() => *since = Some(core.clock.now()),
            Event::Resumed { dropped } if dropped.total() > 0 && self.announce => {
                let now = core.clock.now();
                let since = since.take().unwrap_or(now);
                core.announce(dropped, since, now);
            }
            Event::Resumed { .. } => *since = None,
            _ => {}
        }
    }
}

impl Core {
    fn announce(&self, dropped: &Drops, since: SystemTime, now: SystemTime) {
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
        self.notice(now, &announcement.to_string(), dropped.total());
    }
}
