use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::engine::{OpenError, StorageError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on, for instance because another program does.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The data folder cannot be used; nothing in it was changed.
    #[error("cannot use the data folder {}: {problem}", folder.display())]
    Data {
        /// The folder that was asked for.
        folder: PathBuf,
        /// What is wrong with it.
        problem: DataProblem,
    },
}

/// What is wrong with a data folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataProblem {
    /// Another server uses it now.
    #[error("another server uses it")]
    InUse,
    /// A later version wrote it, in a format that this one does not know.
    #[error("it was written by a later version (format {found}, this one knows {known})")]
    Newer {
        /// The number of its format.
        found: u64,
        /// The number of the format that this version knows.
        known: u64,
    },
    /// It is not what a server wrote. What can be saved of it is for a person to decide.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The system does not let it be read or written.
    #[error("it cannot be read or written: {0}")]
    Unreachable(String),
}

impl Error {
    pub(crate) fn data(folder: &Path, problem: impl Into<DataProblem>) -> Self {
        Self::Data {
            folder: folder.to_owned(),
            problem: problem.into(),
        }
    }
}

impl From<OpenError> for DataProblem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::InUse => Self::InUse,
            OpenError::Newer { found, known } => Self::Newer { found, known },
            OpenError::Damaged(what) => Self::Damaged(what),
            OpenError::Io(cause) => Self::Unreachable(cause.to_string()),
        }
    }
}

impl From<StorageError> for DataProblem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Damaged(what) => Self::Damaged(what.to_string()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}
