// The front page runs a real transport, so its example is only tested where there is one.
#![cfg_attr(any(not(doctest), feature = "https"), doc = include_str!("../README.md"))]

#[cfg(feature = "batch")]
pub mod batch; // items in, batches out, on a thread of its own
mod clock; // the wall clock, and one that tests turn by hand
mod error; // a setting out of range
#[cfg(feature = "batch")]
mod fork; // notices that this process is a copy of another
mod retry; // one deadline, several attempts
#[cfg(feature = "batch")]
mod sink; // where batches go
#[cfg(feature = "spool")]
pub mod spool; // a write-ahead log on disk for what is not delivered yet
mod transport; // one attempt: a request out, an answer in

pub use clock::{Clock, SystemClock};
pub use error::ConfigError;
pub use retry::{
    Attempt, Attempts, Backoff, Once, Outcome, Retry, RetryBudget, RetryConfig, RetryLayer,
    Verdict, retry_after,
};
pub use transport::{
    BodyErrorKind, BoxTransport, ProxyErrorKind, ResponseFuture, TimeoutKind, Transport,
    TransportError, TransportErrorKind,
};

#[cfg(feature = "https")]
pub use transport::{HttpsConfig, HttpsTransport};

#[cfg(any(test, feature = "test-util"))]
pub use clock::ManualClock;
#[cfg(any(test, feature = "test-util"))]
pub use transport::{Reply, ScriptedTransport};
