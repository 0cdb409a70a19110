//! The front ends of a configuration: what `log` and `tracing` call.

#[cfg(feature = "tracing")]
mod events; // tracing
#[cfg(feature = "log")]
mod records; // log

#[cfg(feature = "tracing")]
pub use events::{ConfiguredFilter, ConfiguredLayer};
#[cfg(feature = "log")]
pub use records::ConfiguredLogger;
