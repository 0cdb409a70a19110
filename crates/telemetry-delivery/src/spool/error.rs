use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::ConfigError;

/// Why something could not be spooled.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpoolError {
    /// A setting is out of range.
    Config(ConfigError),
    /// The record does not fit below [`with_max_bytes`](super::SpoolConfig::with_max_bytes).
    /// Nothing was written.
    Full {
        /// Bytes on disk now.
        bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// The record can never be stored: its body is above 64 MiB, or larger than the whole spool.
    TooLarge {
        /// Bytes the record needs.
        bytes: u64,
        /// The most there may be.
        limit: u64,
    },
    /// The ends of the items go back, or the last one is not the end of the bytes.
    Malformed,
    /// The system refused. Nothing of the record is kept.
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system could not confirm that data reached the disk.
    ///
    /// What was appended since the last successful commit may be gone after a loss of power, now
    /// and after every later commit: a second attempt would only seem to succeed. Whoever still
    /// has it in memory appends it again; that goes to a new file.
    NotDurable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This process is a child of the one that opened the spool. It opens one of its own.
    Forked,
}

impl SpoolError {
    /// Whether there is no room: in the spool, or on the disk. There may be some later.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(_) => f.write_str("the spool's configuration cannot work"),
            Self::Full { bytes, max_bytes } => {
                write!(f, "the spool is full: {bytes} of {max_bytes} bytes")
            }
            Self::TooLarge { bytes, limit } => write!(
                f,
                "a record of {bytes} bytes is larger than the spool takes ({limit})"
            ),
            Self::Malformed => f.write_str("the ends of the items do not fit the bytes"),
            Self::Io { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
            Self::NotDurable { path, .. } => {
                write!(f, "{} may not have reached the disk", path.display())
            }
            Self::Forked => f.write_str("the spool belongs to the parent process"),
        }
    }
}

impl std::error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Io { source, .. } | Self::NotDurable { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<ConfigError> for SpoolError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
