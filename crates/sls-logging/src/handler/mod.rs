//! Where records of all front ends meet.

mod builder;

pub use builder::{HandlerBuilder, Signature, WhenFull};

/// Ships records; clones share one queue.
#[doc(alias = "QueuedLogHandler")]
#[derive(Debug, Clone)]
pub struct Handler {}

impl Handler {
    /// Begins to set up a handler.
    pub fn builder() -> HandlerBuilder {
        HandlerBuilder::new()
    }
}
