//! When messages are sent: the strategies behind one trait.

mod asynchronous;
mod buffered;
mod commit;
mod debug;
mod immediate;
mod parts; // what the strategies that let messages wait have in common
mod settle;

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::message::Message;
use crate::pending::Pending;
use crate::report::Report;

pub use asynchronous::Asynchronous;
pub(crate) use asynchronous::Background;
pub use buffered::Buffered;
pub(crate) use buffered::FillAndSend;
pub use debug::DebugPrint;
pub(crate) use debug::Printer;
pub(crate) use immediate::AtOnce;
pub use immediate::Immediate;
pub(crate) use parts::Parts;

/// Takes checked messages and decides when they are sent. Object safe.
///
/// The tracker calls it with messages that have their product and data source and have passed
/// its rules.
#[doc(alias = "Consumer")]
pub trait Delivery: fmt::Debug + Send + Sync + 'static {
    /// Takes a message.
    ///
    /// What is returned is ready once the message is delivered, or is in a place from which it
    /// will be.
    ///
    /// # Errors
    /// [`Error`]; unless it says that the message [is taken](Error::is_taken), it was not.
    fn take(&self, message: Message<'_>) -> Pending<Result<(), Error>>;

    /// Sends all that waits, for as long as `deadline` allows, and reports.
    ///
    /// With [`Then::Close`], nothing is taken any more from now on, and what still waits at the
    /// deadline is given up and counted as dropped.
    fn settle(&self, deadline: Duration, then: Then) -> Pending<Report>;
}

const _: fn(&dyn Delivery) = |_| {};

/// What follows on sending all that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// More messages may come.
    GoOn,
    /// Nothing more is taken.
    Close,
}
