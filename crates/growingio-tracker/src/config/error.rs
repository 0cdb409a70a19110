/// A setting that cannot work, found when a tracker is built and not when it sends.
///
/// It names the setting and never shows its value, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting that is needed is absent or empty.
    #[error("{setting} is missing")]
    Missing {
        /// The setting.
        setting: &'static str,
    },
    /// Several settings that are needed are absent or empty.
    #[error("{} are missing", .settings.join(", "))]
    AllMissing {
        /// The settings.
        settings: Vec<&'static str>,
    },
    /// A value lies outside its range.
    #[error("{setting} must {must}")]
    OutOfRange {
        /// The setting.
        setting: &'static str,
        /// What the value has to be.
        must: &'static str,
    },
    /// A value cannot be used.
    #[error("{setting} cannot be used: {why}")]
    Unusable {
        /// The setting.
        setting: &'static str,
        /// What is wrong with the value.
        why: &'static str,
    },
    /// A file or a text with settings cannot be used.
    #[error("{file} cannot be used: {why}")]
    File {
        /// Which one.
        file: String,
        /// What is wrong, and where.
        why: String,
    },
    /// The spool cannot be opened.
    #[error("the spool cannot be opened: {0}")]
    Spool(String),
    /// A setting of the transport or of the retries.
    #[error("the transport cannot be used")]
    Transport(#[source] telemetry_delivery::ConfigError),
}

impl From<telemetry_delivery::ConfigError> for ConfigError {
    fn from(error: telemetry_delivery::ConfigError) -> Self {
        Self::Transport(error)
    }
}

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
