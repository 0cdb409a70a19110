use std::sync::Arc;
use std::time::Duration;

use growingio_codecs::Route;

use crate::config::ConfigError;
use crate::delivery::commit::commit_in_time;
use crate::delivery::parts::Parts;
use crate::delivery::settle::settle;
use crate::delivery::{AtOnce, Delivery, Then};
use crate::error::Error;
use crate::message::Message;
use crate::outbox::{Limits, Outbox, Overflow};
use crate::pending::Pending;
use crate::per_process::PerProcess;
use crate::report::Report;

/// Collects events and sends them together once there are enough; a flush sends the rest.
///
/// The call that fills the buffer comes to its end when all that waited has been accepted. When
/// that fails it says so with [`Error::Kept`]: the message is in the buffer, and the next call
/// tries again.
/// Items and user mappings are sent at once, and overtake the events that wait, unless they
/// are to stay [in order](Self::with_order_kept).
///
/// A batch leaves the buffer when it was accepted. One that the collector refuses is sent again
/// in halves, so that a message it does not like is given up alone; see
/// [`TrackerBuilder::on_dead_letter`](crate::TrackerBuilder::on_dead_letter).
#[doc(alias = "BufferedConsumer")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Buffered {
    limits: Limits,
}

/// The most events that this strategy sends in one request.
const MOST: usize = 2000;

impl Buffered {
    /// How many events are sent together. Default: 500; more than 2000 counts as 2000.
    ///
    /// One sends every event at once. Zero is refused when the tracker is built.
    #[doc(alias = "max_size")]
    pub fn with_max_size(mut self, events: usize) -> Self {
        self.limits.max_size = events.min(MOST);
        self
    }

    /// How much may wait, in bytes. Default: 64 MiB.
    ///
    /// It fills up only while the collector accepts nothing.
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_bytes = bytes;
        self
    }

    /// What happens to a message for which there is no room. Default: the call says so.
    ///
    /// [`Overflow::Wait`] is the same here, since it is a call that makes room.
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.limits.overflow = overflow;
        self
    }

    /// Sends everything in the order of the calls: an item sends what waits before it first.
    /// Default: items overtake.
    pub fn with_order_kept(mut self) -> Self {
        self.limits.in_order = true;
        self
    }

    /// See [`with_max_size`](Self::with_max_size).
    #[must_use]
    pub fn max_size(&self) -> usize {
        self.limits.max_size
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.limits.check()
    }
}

/// [`Buffered`] at work.
#[derive(Debug)]
pub(crate) struct FillAndSend {
    settings: Buffered,
    at_once: AtOnce,
    pub(super) outbox: PerProcess<Outbox>,
}

impl FillAndSend {
    pub(crate) fn new(settings: Buffered, parts: Parts) -> Self {
        let upload = Arc::clone(&parts.upload);
        let (courier, outbox) = parts.split(settings.limits);
        let at_once = AtOnce::new(upload, courier);
        let outbox = PerProcess::new(outbox);
        Self {
            settings,
            at_once,
            outbox,
        }
    }

    /// Sends all that waits, however long that takes, even when nobody waits for it.
    fn send(&self, outbox: Arc<Outbox>) -> Pending<Result<(), Error>> {
        let kept = {
            let outbox = Arc::clone(&outbox);
            move |cause| {
                let waiting = outbox.waiting();
                let cause = Box::new(cause);
                Err(Error::Kept { waiting, cause })
            }
        };
        let on_failure = kept.clone();
        self.at_once.courier.ask_to_the_end(
            move |transport| async move {
                match outbox.send_all(&transport).await {
                    Ok(()) => Ok(()),
                    Err(cause) if outbox.waiting() == 0 => Err(Error::GivenUp {
                        cause: Box::new(cause),
                    }),
                    Err(cause) => kept(cause),
                }
            },
            move |gone| on_failure(Error::of_courier(gone)),
        )
    }
}

impl Delivery for FillAndSend {
    fn take(&self, message: Message<'_>) -> Pending<Result<(), Error>> {
        let is_event = message.route() == Route::Events;
        if !is_event && !self.settings.limits.in_order {
            return self.at_once.take(message);
        }
        let outbox = self.outbox.get();
        let taken = outbox
            .serialise(&message)
            .and_then(|record| outbox.take(record));
        if taken.as_ref().is_ok_and(|taken| taken.uncommitted) {
            commit_in_time(&self.at_once.courier, &outbox);
        }
        match taken {
            Err(error) => Pending::ready(Err(error)),
            Ok(taken) if is_event && taken.beside < self.settings.limits.max_size => {
                Pending::ready(Ok(()))
            }
            Ok(_) => self.send(outbox),
        }
    }

    fn settle(&self, deadline: Duration, then: Then) -> Pending<Report> {
        let outbox = self.outbox.get();
        self.at_once.settle(then);
        if then == Then::Close {
            outbox.close();
        }
        settle(&self.at_once.courier, outbox, deadline, then)
    }
}
