//! Where records of all front ends meet.
//!
//! ```text
//!   tracing ─► SlsLayer ──┐                       ┌─► thread-local scratch: format, encode
//!   log ─────► SlsLogger ─┼─► Handler::write ─────┤
//!   panics ──► PanicHook ─┤   level? own target?  └─► one append ─► queue ─► its own thread
//!   Record ───────────────┘
//! ```

mod announcer;
mod builder;
mod dead_records;
#[cfg(feature = "https")]
mod destination;
mod guard;

mod outlet;
mod scratch;
mod start;
mod stats;
#[cfg(test)]
#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) mod testing;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use telemetry_delivery::batch::{Lane, Receipt, Rejected, fork_epoch, is_inside_delivery};

use crate::encoder::{Entry, RecordEncoder};
use crate::error::Error;
use crate::level::Level;
use crate::own_targets::is_own;
use crate::record::{Facts, Record};
use crate::record_clock::{RecordClock, since_epoch};
use outlet::Outlet;
use scratch::{Scratch, with_scratch};

#[cfg(all(test, feature = "config"))]
pub(crate) use builder::DeadLetters;
pub use builder::{HandlerBuilder, Signature};
pub use dead_records::DeadRecords;
pub use guard::HandlerGuard;
pub use stats::Stats;
pub use telemetry_delivery::batch::Report as CloseReport;

/// Ships records; clones share one queue.
///
/// It never blocks longer than its [`overflow`](HandlerBuilder::overflow) policy says, never panics and never ships a record about
/// shipping. The [`HandlerGuard`] that is built with it decides when it ends.
#[doc(alias = "QueuedLogHandler")]
#[doc(alias = "SimpleLogHandler")]
#[derive(Clone)]
pub struct Handler {
    core: Arc<Core>,
    lane: Lane,
}

struct Core {
    encoder: RecordEncoder,
    level: Level,
    clock: RecordClock,
    close_wait: Duration,
    outlet: Box<dyn Outlet>,
    shared: start::Shared,
    /// Of the topic that was set up.
    main_lane: Lane,
    skipped: AtomicU64,
    shadowed: AtomicU64,
    unwritten: Arc<AtomicU64>,
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

    /// The same handler under another topic: same queue, same format, same end.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the topic is new and there are 1024 already; those go on as before.
    /// A topic is never forgotten, so what differs from record to record belongs into a field.
    #[doc(alias = "set_topic")]
    pub fn with_topic(&self, topic: &str) -> Result<Self, Error> {
        let lane = self.core.outlet.lane(self.core.shared.route(topic).lane());
        Ok(Self {
            core: Arc::clone(&self.core),
            lane: lane.map_err(|cause| Error::invalid("topic", cause))?,
        })
    }

    /// Ships a record; for programs with neither `tracing` nor `log`.
    pub fn log(&self, record: &Record<'_>) {
        self.log_as(record, None);
    }

    /// The same; `shown` is uploaded as the message when that is another text.
    pub(crate) fn log_as(&self, record: &Record<'_>, shown: Option<&str>) {
        if !self.wants(record.facts.level, record.facts.target) {
            return;
        }
        self.append(Some(since_epoch(record.time)), &record.facts, |entry| {
            entry.show(shown);
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
        if level < self.core.level {
            return false;
        }
        let skip = is_inside_delivery() || is_own(target);
        if skip {
            self.core.skipped.fetch_add(1, Ordering::Relaxed);
        }
        !skip
    }

    /// Encodes a record of now on this thread and hands its bytes over.
    #[cfg(any(feature = "log", feature = "tracing"))]
    #[inline]
    pub(crate) fn write(&self, facts: &Facts<'_>, fill: impl FnOnce(&mut Entry<'_>)) {
        self.append(None, facts, fill);
    }

    #[inline]
    fn append(&self, time: Option<Duration>, facts: &Facts<'_>, fill: impl FnOnce(&mut Entry<'_>)) {
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
        time: Option<Duration>,
        facts: &Facts<'_>,
        fill: impl FnOnce(&mut Entry<'_>),
    ) {
        let core = &*self.core;
        let Scratch {
            group,
            texts,
            caches,
        } = scratch;
        caches.after_forks(fork_epoch());
        group.clear();
        let time = time.unwrap_or_else(|| core.clock.since_epoch());
        let mut entry = core.encoder.begin(time, group, texts);
        fill(&mut entry);
        let shadowed = entry.finish(facts, Some(caches));
        if shadowed > 0 {
            core.shadowed.fetch_add(shadowed, Ordering::Relaxed);
        }
        core.outlet.append(self.lane, group.as_bytes());
    }

    /// Waits until every record shipped before has been delivered, given to the dead letters or
    /// dropped; at most `within`. Says whether that is so.
    ///
    /// Records that moved to the spool for want of room are read back and delivered first. It can
    /// be called as often as one likes, and neither changes later records nor waits for them. What
    /// earlier processes left in a spool is waited for only as far as it has been read by now.
    pub fn flush(&self, within: Duration) -> bool {
        self.core.outlet.flush(within)
    }

    /// What was done so far in this process.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            queue: self.core.outlet.stats(),
            skipped: self.core.skipped.load(Ordering::Relaxed),
            shadowed_fields: self.core.shadowed.load(Ordering::Relaxed),
            dead_letters_unwritten: self.core.unwritten.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn close_wait(&self) -> Duration {
        self.core.close_wait
    }

    /// Ends the handler; what was ended stays so.
    pub(crate) fn close(&self, within: Duration) -> CloseReport {
        self.core.outlet.close(within)
    }

    #[cfg(feature = "log")]
    pub(crate) fn flush_for_close_wait(&self) {
        let _ = self.flush(self.core.close_wait);
    }
}

impl Core {
    /// Ships one record of the handler's own about records that are missing.
    fn notice(&self, time: SystemTime, message: &str, dropped: u64) -> Result<Receipt, Rejected> {
        let mut scratch = Scratch::default();
        let mut entry =
            self.encoder
                .begin(since_epoch(time), &mut scratch.group, &mut scratch.texts);
        entry.message(message, None);
        entry.extra("dropped", itoa::Buffer::new().format(dropped));
        entry.finish(&Facts::new(Level::Warn, "sls_logging"), None);
        self.outlet
            .append_notice(self.main_lane, scratch.group.as_bytes())
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("level", &self.level)
            .field("close_wait", &self.close_wait)
            .finish_non_exhaustive()
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
