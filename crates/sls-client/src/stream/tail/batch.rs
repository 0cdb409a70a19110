use std::fmt;

use sls_core::api::PulledLogs;
use sls_core::model::ShardId;

/// Log groups of one shard, as a [`TailStream`](super::TailStream) gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TailBatch {
    /// The shard they come from, to which their cursors belong.
    pub shard: ShardId,
    /// The log groups, and the cursors before and behind them.
    pub logs: PulledLogs,
}

impl fmt::Display for TailBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {}: {}", self.shard, self.logs)
    }
}
