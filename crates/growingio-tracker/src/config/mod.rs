//! How a tracker is set up.

mod builder;
mod error;
#[cfg(feature = "https")]
mod https;

pub use builder::{Strategy, TrackerBuilder};
pub use error::ConfigError;
pub(crate) use error::ensure;
