use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::courier::Courier;
use crate::delivery::{Delivery, Then};
use crate::error::Error;
use crate::message::Message;
use crate::pending::Pending;
use crate::report::Report;
use crate::upload::Upload;

/// Sends every message at once, in a request of its own; the default.
///
/// A call comes to its end when the collector has accepted the message, or with the reason why
/// not; nothing is kept.
#[doc(alias = "DefaultConsumer")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Immediate;

/// [`Immediate`] at work.
#[derive(Debug)]
pub(crate) struct AtOnce {
    pub(crate) upload: Arc<Upload>,
    pub(crate) courier: Courier,
    pub(crate) closed: AtomicBool,
}

impl AtOnce {
    pub(crate) fn new(upload: Arc<Upload>, courier: Courier) -> Self {
        Self {
            upload,
            courier,
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn settle(&self, then: Then) -> Report {
        if then == Then::Close {
            self.closed.store(true, Ordering::Release);
        }
        Report {
            counts: self.upload.counters.now(),
            ..Report::default()
        }
    }
}

impl Delivery for AtOnce {
    fn take(&self, message: Message<'_>) -> Pending<Result<(), Error>> {
        if self.is_closed() {
            return Pending::ready(Err(Error::Closed));
        }
        let (product_id, route) = (message.product_id().to_owned(), message.route());
        let encoded = match self.upload.encode(&message.into_batch()) {
            Ok(encoded) => encoded,
            Err(error) => return Pending::ready(Err(error)),
        };
        let upload = Arc::clone(&self.upload);
        self.courier.ask(
            move |transport| async move {
                let request = upload.request(encoded, &product_id);
                let outcome = upload.send(transport, route, request).await;
                if outcome.is_ok() {
                    upload.counters.tracked(1);
                    upload.counters.delivered(1);
                }
                outcome
            },
            |gone| Err(Error::of_courier(gone)),
        )
    }

    fn settle(&self, _deadline: Duration, then: Then) -> Pending<Report> {
        Pending::ready(Self::settle(self, then))
    }
}
