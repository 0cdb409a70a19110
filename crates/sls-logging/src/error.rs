use std::error::Error as StdError;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why logging could not be set up.
///
/// A log call itself never fails; what becomes of records is told by
/// [`Stats`](crate::Stats) and the callback for drops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings without which nothing can be sent were not given.
    #[error("settings not given: {}", .settings.join(", "))]
    Missing {
        /// Their names.
        settings: Vec<&'static str>,
    },
    /// A setting has a value that cannot be used.
    #[error("{setting} cannot be used")]
    Invalid {
        /// Its name.
        setting: &'static str,
        /// Why not.
        #[source]
        cause: BoxError,
    },
    /// The system gave no thread to deliver on.
    #[error("the delivery thread did not start")]
    Start {
        /// Why not.
        #[source]
        cause: BoxError,
    },
    /// A configuration cannot be read or followed.
    #[cfg(feature = "config")]
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A handler of a configuration cannot be started.
    #[error("the handler {name:?} cannot be started")]
    Handler {
        /// Its name.
        name: String,
        /// Why not.
        #[source]
        cause: Box<Self>,
    },
    /// The process has a logger or a subscriber already, which cannot be taken out again.
    #[error("the process has {what} already")]
    AlreadyInstalled {
        /// What it has.
        what: &'static str,
    },
    /// Logging was ended before.
    #[error("logging was ended before")]
    Closed,
    /// A redaction rule cannot be used.
    #[error("the redaction rule {rule:?} cannot be used")]
    Redaction {
        /// The rule.
        rule: String,
        /// Why not.
        #[source]
        cause: BoxError,
    },
}

impl Error {
    pub(crate) fn invalid(setting: &'static str, cause: impl Into<BoxError>) -> Self {
        Self::Invalid {
            setting,
            cause: cause.into(),
        }
    }

    pub(crate) fn redaction(rule: &str, cause: impl Into<BoxError>) -> Self {
        Self::Redaction {
            rule: rule.to_owned(),
            cause: cause.into(),
        }
    }
}
