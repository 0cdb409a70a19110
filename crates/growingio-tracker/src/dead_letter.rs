use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use growingio_codecs::{Batch, Codec as _, Format, Json, Protobuf, Route, Serialized};

use crate::counts::Counters;
use crate::error::Error;

/// Messages that were given up, with the reason.
///
/// Its `Debug` output shows no data.
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The product that they belong to.
    pub product_id: String,
    /// What kind of message they are.
    pub route: Route,
    /// How many there are.
    pub messages: usize,
    /// Why they were given up.
    pub reason: Error,
    /// What [`body`](Self::body) is written in.
    pub format: Format,
    sequence: Vec<u8>,
}

impl DeadLetter {
    /// The messages as the body of a request, neither compressed nor obfuscated.
    pub fn body(&self) -> Vec<u8> {
        let sequence = self.sequence.clone();
        let records = Serialized::from_sequence(self.format, self.route, self.messages, sequence);
        let batch = Batch::Serialized(records);
        // The time is only for the query, which is not needed here.
        let now = std::time::UNIX_EPOCH;
        let encoded = match self.format {
            Format::Json => Json.encode(&batch, now),
            Format::Protobuf => Protobuf.encode(&batch, now),
        };
        encoded.map(|encoded| encoded.body).unwrap_or_default()
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("product_id", &self.product_id)
            .field("route", &self.route)
            .field("messages", &self.messages)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Where dead letters go.
#[derive(Clone, Default)]
pub(crate) struct DeadLetters(pub(crate) Option<Arc<dyn Fn(DeadLetter) + Send + Sync>>);

impl DeadLetters {
    /// Gives up records of one kind.
    pub(crate) fn give_up(
        &self,
        counters: &Counters,
        product_id: &str,
        (format, route): (Format, Route),
        (messages, sequence): (usize, Vec<u8>),
        reason: Error,
    ) {
        counters.dead_lettered(messages as u64);
        tracing::error!(messages, %route, reason = %Chain(&reason), "messages were given up");
        let Some(handler) = &self.0 else { return };
        let letter = DeadLetter {
            product_id: product_id.to_owned(),
            route,
            messages,
            reason,
            format,
            sequence,
        };
        // The user's code; the thread that sends has to survive it.
        if catch_unwind(AssertUnwindSafe(|| handler(letter))).is_err() {
            tracing::error!("the handler of dead letters panicked");
        }
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "a handler"
        } else {
            "none"
        })
    }
}

/// An error and its causes in one line.
pub(crate) struct Chain<'e>(pub(crate) &'e dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
