use std::time::Duration;

use growingio_codecs::{EncodeError, Invalid, Route};
use telemetry_delivery::TransportError;

use crate::courier::Gone;

/// Why a message was not taken, or not delivered.
///
/// It never shows a value of a message.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The message is incomplete or cannot be written; the cause names the field.
    #[error("one of the {route} was not tracked")]
    Invalid {
        /// What kind of message it is.
        route: Route,
        /// What is wrong with it.
        #[source]
        cause: Invalid,
    },
    /// The codec has no form for the message.
    #[error("the {route} were not encoded")]
    Encode {
        /// What kind of message it is.
        route: Route,
        /// Why not.
        #[source]
        cause: EncodeError,
    },
    /// The collector answered, and did not accept.
    #[error("the collector refused the {route} with http {status} ({attempts} attempts)")]
    Refused {
        /// What was sent.
        route: Route,
        /// The last answer's status.
        status: u16,
        /// How often it was sent.
        attempts: u32,
    },
    /// No complete answer arrived; the collector may or may not have accepted.
    #[error("the collector did not answer to the {route}")]
    Unanswered {
        /// What was sent.
        route: Route,
        /// What went wrong, and after how many attempts.
        #[source]
        cause: TransportError,
    },
    /// There is no room for the message, and the policy is to say so.
    #[error("there is no room: {waiting_bytes} bytes wait already")]
    Full {
        /// How much waits to be sent.
        waiting_bytes: usize,
    },
    /// Too many messages are on their way at once.
    #[error("too many messages are on their way")]
    Busy,
    /// The message was taken and waits; what could not be sent is older than it or contains it.
    ///
    /// Nothing is lost. Sending is tried again with the next message, and by a flush.
    #[error("{waiting} messages wait, since sending them failed")]
    Kept {
        /// How many wait.
        waiting: u64,
        /// Why they were not sent.
        #[source]
        cause: Box<Self>,
    },
    /// The message was taken, and some that were sent with it, perhaps this one, were given up
    /// and handed to the handler of dead letters.
    #[error("some messages were given up")]
    GivenUp {
        /// Why, for the last of them.
        #[source]
        cause: Box<Self>,
    },
    /// The time for a flush or a close was over before all was sent.
    #[error("not all was sent within {deadline:?}")]
    DeadlinePassed {
        /// How long there was.
        deadline: Duration,
    },
    /// The message could not be written to the spool, and was not taken.
    #[cfg(feature = "spool")]
    #[error("one message was not spooled")]
    NotSpooled {
        /// Why not.
        #[source]
        cause: std::sync::Arc<telemetry_delivery::spool::SpoolError>,
    },
    /// The tracker was closed before.
    #[error("the tracker is closed")]
    Closed,
    /// The thread that sends could not be started, or has ended.
    #[error("there is no thread that sends")]
    NoThread,
}

impl Error {
    /// Whether sending the same again can succeed without any change.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Unanswered { cause, .. } => cause.is_transient() || was_cut_off(cause),
            Self::Full { .. } | Self::Busy | Self::Kept { .. } | Self::DeadlinePassed { .. } => {
                true
            }
            #[cfg(feature = "spool")]
            Self::NotSpooled { .. } => true,
            Self::Invalid { .. }
            | Self::Encode { .. }
            | Self::GivenUp { .. }
            | Self::Closed
            | Self::NoThread => false,
        }
    }

    pub(crate) fn of_courier(gone: Gone) -> Self {
        match gone {
            Gone::Busy => Self::Busy,
            Gone::NoThread => Self::NoThread,
        }
    }

    /// Whether the message was taken in spite of the error: it waits, was delivered, or is a
    /// dead letter. Tracking it again would repeat it.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Kept { .. } | Self::GivenUp { .. })
    }
}

/// The deadline came first; the next try has another one.
fn was_cut_off(cause: &TransportError) -> bool {
    use telemetry_delivery::{TimeoutKind, TransportErrorKind};

    cause.kind() == TransportErrorKind::Timeout(TimeoutKind::Deadline)
}
