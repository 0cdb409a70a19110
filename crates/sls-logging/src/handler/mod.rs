//! Where records of all front ends meet.
//!
//! ```text
//!   tracing ─► SlsLayer ──┐                       ┌─► thread-local scratch: format, encode
//!   log ─────► SlsLogger ─┼─► Handler::write ─────┤
//!   panics ──► PanicHook ─┤   level? own target?  └─► one append ─► queue ─► its own thread
//!   Record ───────────────┘
//! ```

mod builder;

mod outlet;
mod scratch;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use telemetry_delivery::Clock;

use crate::encoder::{Entry, RecordEncoder};
use crate::level::Level;
use crate::own_targets::is_own;
use crate::record::{Facts, Record};
use outlet::Outlet;
use scratch::{Scratch, with_scratch};

pub use builder::{HandlerBuilder, Signature, WhenFull};

/// Ships records; clones share one queue.
///
/// It never blocks longer than [`WhenFull`] says, never panics and never ships a record about
/// shipping. The guard that is built with it decides when it ends.
#[doc(alias = "QueuedLogHandler")]
#[doc(alias = "SimpleLogHandler")]
#[derive(Clone)]
pub struct Handler {
    core: Arc<Core>,
    lane: outlet::Lane,
}

struct Core {
    encoder: RecordEncoder,
    level: Level,
    clock: Arc<dyn Clock>,
    close_wait: Duration,
    outlet: Box<dyn Outlet>,
    skipped: AtomicU64,
    shadowed: AtomicU64,
}

impl Handler {
    /// Begins to set up a handler.
    pub fn builder() -> HandlerBuilder {
        HandlerBuilder::new()
    }

    /// A layer for `tracing_subscriber` that ships events.
    #[cfg(feature = "tracing")]
    pub fn layer(&self) -> crate::SlsLayer {
        crate::SlsLayer::new(self.clone())
    }

    /// A logger for the crate `log` that ships records.
    #[cfg(feature = "log")]
    pub fn logger(&self) -> crate::SlsLogger {
        crate::SlsLogger::new(self.clone())
    }

    /// Ships a record; for programs with neither `tracing` nor `log`.
    pub fn log(&self, record: &Record<'_>) {
        if !self.wants(record.facts.level, record.facts.target) {
            return;
        }
        self.append(Some(record.time), &record.facts, |entry| {
            entry.message(record.message, record.trace);
            for (name, value) in record.extra {
                entry.extra(name, value);
            }
        });
    }

    /// Whether a record of this level and target is shipped. Counts those that are not for
    /// being about shipping.
    #[inline]
    pub(crate) fn wants(&self, level: Level, target: &str) -> bool {
        self.takes(level) && !self.is_own(target)
    }

    /// Whether records of this level are shipped.
    #[inline]
    pub(crate) fn takes(&self, level: Level) -> bool {
        level >= self.core.level
    }

    #[inline]
    fn is_own(&self, target: &str) -> bool {
        if !is_own(target) {
            return false;
        }
        self.core.skipped.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Encodes a record of now on this thread and hands its bytes over.
    #[inline]
    pub(crate) fn write(&self, facts: &Facts<'_>, fill: impl FnOnce(&mut Entry<'_>)) {
        self.append(None, facts, fill);
    }

    #[inline]
    fn append(
        &self,
        time: Option<std::time::SystemTime>,
        facts: &Facts<'_>,
        fill: impl FnOnce(&mut Entry<'_>),
    ) {
        let done = with_scratch(|scratch| self.append_in(scratch, time, facts, fill));
        if done.is_err() {
            self.core.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same in memory of its own, also in the middle of another record: a panic in a
    /// value's `Display`.
    pub(crate) fn write_apart(&self, facts: &Facts<'_>, fill: impl FnOnce(&mut Entry<'_>)) {
        self.append_in(&mut Scratch::default(), None, facts, fill);
    }

    #[inline]
    fn append_in(
        &self,
        scratch: &mut Scratch,
        time: Option<std::time::SystemTime>,
        facts: &Facts<'_>,
        fill: impl FnOnce(&mut Entry<'_>),
    ) {
        let core = &*self.core;
        let Scratch {
            group,
            texts,
            caches,
        } = scratch;
        caches.after_forks(core.outlet.forks());
        group.clear();
        let time = time.unwrap_or_else(|| core.clock.now());
        let mut entry = core.encoder.begin(time, group, texts);
        fill(&mut entry);
        let shadowed = entry.finish(facts, Some(caches));
        if shadowed > 0 {
            core.shadowed.fetch_add(shadowed, Ordering::Relaxed);
        }
        core.outlet.append(self.lane, group.as_bytes());
    }

    /// Waits until every record shipped before has been delivered, spooled, given to the dead
    /// letters or dropped; at most `within`. Says whether that is so.
    ///
    /// It can be called as often as one likes, and changes nothing for later records.
    pub fn flush(&self, within: Duration) -> bool {
        self.core.outlet.flush(within)
    }

    /// How many records were not shipped because they were about shipping, or were made while
    /// another record was being encoded on the same thread.
    pub fn skipped(&self) -> u64 {
        self.core.skipped.load(Ordering::Relaxed)
    }

    /// How many extra fields were left out because they have the name of one of the handler's
    /// own.
    pub fn shadowed_fields(&self) -> u64 {
        self.core.shadowed.load(Ordering::Relaxed)
    }

    #[cfg(feature = "log")]
    pub(crate) fn flush_for_close_wait(&self) {
        let _ = self.flush(self.core.close_wait);
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("level", &self.core.level)
            .field("close_wait", &self.core.close_wait)
            .finish_non_exhaustive()
    }
}
