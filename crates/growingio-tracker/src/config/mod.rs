//! How a tracker is set up.

mod builder;
mod error;
#[cfg(feature = "https")]
mod https;
#[cfg(feature = "config")]
mod settings;

pub use builder::{Strategy, TrackerBuilder};
pub use error::ConfigError;
pub(crate) use error::ensure;
#[cfg(feature = "config")]
pub use settings::Settings;
