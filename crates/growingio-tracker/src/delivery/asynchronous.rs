use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use growingio_codecs::Route;
use telemetry_delivery::BoxTransport;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::ConfigError;
use crate::courier::Courier;
use crate::delivery::commit::commit_in_time;
use crate::delivery::parts::Parts;
use crate::delivery::settle::{pause, settle};
use crate::delivery::{Delivery, Then};
use crate::error::Error;
use crate::message::Message;
use crate::outbox::{Limits, Outbox, Overflow};
use crate::pending::Pending;
use crate::per_process::PerProcess;
use crate::report::Report;

/// Collects messages and sends them in the background: when there are enough, when the oldest
/// has waited long enough, and with any item.
///
/// A call takes its message and is done; it never waits for the collector. What waits survives
/// errors of any kind and is sent again, with pauses that grow up to ten seconds, until it is
/// accepted or refused for good.
/// Events leave before items, each kind in its order, unless all are to stay
/// [in order](Self::with_order_kept).
///
/// A batch leaves memory when it was accepted. One that the collector refuses is sent again in
/// halves, so that a message it does not like is given up alone; see
/// [`TrackerBuilder::on_dead_letter`](crate::TrackerBuilder::on_dead_letter).
#[doc(alias = "AsyncBufferedConsumer")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Asynchronous {
    limits: Limits,
    flush_after: Duration,
}

impl Default for Asynchronous {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            flush_after: Duration::from_secs(10),
        }
    }
}

impl Asynchronous {
    /// How many messages are sent together. Default: 500.
    ///
    /// Zero is refused when the tracker is built.
    #[doc(alias = "max_size")]
    pub fn with_max_size(mut self, messages: usize) -> Self {
        self.limits.max_size = messages;
        self
    }

    /// How long a message may wait for company. Default: 10 seconds.
    ///
    /// Zero sends what is there at once.
    #[doc(alias = "flush_after")]
    pub fn with_flush_after(mut self, limit: Duration) -> Self {
        self.flush_after = limit;
        self
    }

    /// How much may wait, in bytes. Default: 64 MiB.
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_bytes = bytes;
        self
    }

    /// What happens to a message for which there is no room. Default: the call says so.
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.limits.overflow = overflow;
        self
    }

    /// Sends everything in the order of the calls, of whatever kind. Default: events first.
    ///
    /// Every change between events and items begins another request.
    pub fn with_order_kept(mut self) -> Self {
        self.limits.in_order = true;
        self
    }

    /// See [`with_max_size`](Self::with_max_size).
    #[must_use]
    pub fn max_size(&self) -> usize {
        self.limits.max_size
    }

    /// See [`with_flush_after`](Self::with_flush_after).
    #[must_use]
    pub fn flush_after(&self) -> Duration {
        self.flush_after
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.limits.check()
    }
}

/// [`Asynchronous`] at work.
#[derive(Debug)]
pub(crate) struct Background {
    settings: Asynchronous,
    courier: Courier,
    worker: PerProcess<Worker>,
}

/// What the calls and the loop that sends have in common.
#[derive(Debug)]
struct Worker {
    outbox: Arc<Outbox>,
    flush_after: Duration,
    started: AtomicBool,
    /// Set when there is reason to send before the time is over.
    urgent: AtomicBool,
    /// Told when something has come, something is urgent, or the end is near.
    wake: Notify,
}

impl Background {
    pub(crate) fn new(settings: Asynchronous, parts: Parts) -> Self {
        let (courier, outbox) = parts.split(settings.limits);
        let worker = PerProcess::new(move || Worker {
            outbox: Arc::new(outbox()),
            flush_after: settings.flush_after,
            started: AtomicBool::new(false),
            urgent: AtomicBool::new(false),
            wake: Notify::new(),
        });
        let background = Self {
            settings,
            courier,
            worker,
        };
        let worker = background.worker.get();
        if worker.outbox.waiting() > 0 {
            // Left over by an earlier process.
            background.start(&worker);
            worker.tell(true, true);
        }
        background
    }

    #[cfg(all(test, feature = "spool"))]
    pub(super) fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.worker.get().outbox)
    }

    /// Starts the loop with the first message.
    fn start(&self, worker: &Arc<Worker>) {
        if worker.started.swap(true, Ordering::AcqRel) {
            return;
        }
        let at_work = Arc::clone(worker);
        let gone = Arc::clone(worker);
        // Nobody waits for it; it ends with the tracker.
        let mut started = self.courier.ask_to_the_end(
            move |transport| async move { at_work.run(transport).await },
            // The next message tries again.
            move |_| gone.started.store(false, Ordering::Release),
        );
        let _ = started.try_ready();
    }
}

impl Worker {
    /// What a message that was taken is reason for.
    fn tell(&self, urgent: bool, first: bool) {
        if urgent {
            self.urgent.store(true, Ordering::Release);
        }
        if urgent || first {
            self.wake.notify_one();
        }
    }

    async fn run(&self, transport: BoxTransport) {
        let mut failures = 0;
        loop {
            self.company().await;
            if self.outbox.is_closed() {
                // Closing sends what is left.
                return;
            }
            self.urgent.store(false, Ordering::Release);
            let had_more = self.outbox.has_more();
            match self.outbox.send_all(&transport).await {
                Err(_) if self.outbox.waiting() > 0 => {
                    failures += 1;
                    let pause = Instant::now() + pause(failures);
                    // More messages are no reason to try earlier.
                    while !self.outbox.is_closed()
                        && timeout_at(pause, self.wake.notified()).await.is_ok()
                    {
                    }
                    // What waits has waited long enough.
                    self.urgent.store(true, Ordering::Release);
                }
                _ => {
                    failures = 0;
                    // What was on disk and had no room before is in memory now.
                    if had_more {
                        self.urgent.store(true, Ordering::Release);
                    }
                }
            }
        }
    }

    /// Waits until there is reason to send.
    async fn company(&self) {
        let nothing = || self.outbox.waiting() == 0 && !self.outbox.has_more();
        while nothing() && !self.outbox.is_closed() {
            self.wake.notified().await;
        }
        let enough = async {
            while !self.urgent.load(Ordering::Acquire) && !self.outbox.is_closed() {
                self.wake.notified().await;
            }
        };
        let _ = timeout(self.flush_after, enough).await;
    }
}

impl Delivery for Background {
    fn take(&self, message: Message<'_>) -> Pending<Result<(), Error>> {
        let worker = self.worker.get();
        let record = match worker.outbox.serialise(&message) {
            Ok(record) => record,
            Err(error) => return Pending::ready(Err(error)),
        };
        self.start(&worker);
        let is_event = message.route() == Route::Events;
        let max_size = self.settings.limits.max_size;
        match (
            worker.outbox.take(record.clone()),
            self.settings.limits.overflow,
        ) {
            (Ok(taken), _) => {
                if taken.uncommitted {
                    commit_in_time(&self.courier, &worker.outbox);
                }
                worker.tell(!is_event || taken.beside >= max_size, taken.alone);
                Pending::ready(Ok(()))
            }
            (Err(Error::Full { .. }), Overflow::Wait(limit)) => {
                worker.tell(true, false);
                self.courier.ask(
                    move |_| async move {
                        let taken = worker.outbox.take_when_there_is_room(record, limit).await?;
                        worker.tell(!is_event || taken.beside >= max_size, taken.alone);
                        Ok(())
                    },
                    |gone| Err(Error::of_courier(gone)),
                )
            }
            (Err(error), _) => Pending::ready(Err(error)),
        }
    }

    fn settle(&self, deadline: Duration, then: Then) -> Pending<Report> {
        let worker = self.worker.get();
        if then == Then::Close {
            worker.outbox.close();
            worker.wake.notify_one();
        }
        settle(&self.courier, Arc::clone(&worker.outbox), deadline, then)
    }
}
