//! What the front ends and the guard of one configuration share.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use arc_swap::{ArcSwap, Guard};

use super::live::Live;

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Shared {
    live: ArcSwap<Live>,
}

/// Comes when no record is on its way through a configuration any more: the other end is
/// dropped with it.
pub(crate) type LastRecord = Receiver<()>;

impl Shared {
    pub(crate) fn new(live: Live) -> Self {
        Self {
            live: ArcSwap::from_pointee(live),
        }
    }

    pub(crate) fn live(&self) -> Guard<Arc<Live>> {
        self.live.load()
    }

    /// Puts a configuration in force. Records that are under way go through the old one.
    pub(crate) fn replace(&self, new: Live) -> LastRecord {
        let old = self.live.swap(Arc::new(new));
        let (sender, receiver) = channel();
        // Nobody else replaces this one.
        let _ = old.last_record.set(sender);
        receiver
    }
}
