use sls_core::Error;
use sls_core::model::ShardId;

/// What a [`TailStream`](super::TailStream) could not do at the moment; it goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TailError {
    /// The shards could not be listed. It is tried again after a pause.
    #[error("the shards could not be listed")]
    Shards(#[source] Error),
    /// One shard could not be read.
    ///
    /// It is tried again at the same place after a pause, while the others are read. With the
    /// code `ShardNotExist` it is given up: there is nothing left to read of it.
    #[error("shard {shard} could not be read")]
    Shard {
        /// The shard.
        shard: ShardId,
        /// Why not.
        #[source]
        error: Error,
    },
}

impl TailError {
    /// The shard that could not be read; `None` when the shards could not be listed.
    pub fn shard(&self) -> Option<ShardId> {
        match self {
            Self::Shards(_) => None,
            Self::Shard { shard, .. } => Some(*shard),
        }
    }

    /// What the call ended with.
    pub fn error(&self) -> &Error {
        match self {
            Self::Shards(error) | Self::Shard { error, .. } => error,
        }
    }
}

/// What the call ended with, for whoever does not care which shard it was about.
impl From<TailError> for Error {
    fn from(error: TailError) -> Self {
        match error {
            TailError::Shards(error) | TailError::Shard { error, .. } => error,
        }
    }
}
