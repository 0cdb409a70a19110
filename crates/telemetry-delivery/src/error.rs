use std::fmt;

/// A setting that cannot work, found when building and not when sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value lies outside the range its setter documents.
    OutOfRange {
        /// The setting, named as its setter without `with_`.
        setting: &'static str,
        /// What the value has to be.
        must: &'static str,
    },
    /// A value is not what its setter takes.
    Unusable {
        /// The setting, named as its setter without `with_`.
        setting: &'static str,
        /// What is wrong with the value, which is not shown since it may hold a secret.
        why: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { setting, must } => write!(f, "{setting} must {must}"),
            Self::Unusable { setting, why } => write!(f, "{setting} cannot be used: {why}"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Lets `setting` through when it `holds`.
pub(crate) fn ensure(
    holds: bool,
    setting: &'static str,
    must: &'static str,
) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(ConfigError::OutOfRange { setting, must })
    }
}
