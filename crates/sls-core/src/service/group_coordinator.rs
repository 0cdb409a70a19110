use std::future::Future;

use crate::error::Error;
use crate::model::{ConsumerGroup, ConsumerName, ShardId};

/// Shares the shards of one logstore among the consumers of a group. Generic: used once per
/// program, by the consumer that it serves.
pub trait GroupCoordinator: Send + Sync + 'static {
    /// Sees to it that the group exists and has these settings.
    ///
    /// # Errors
    /// [`Error`] when the service refuses or cannot be reached; the group may exist by then.
    fn ensure_group(&self, group: &ConsumerGroup)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Says that the consumer lives and which shards it holds; gives those it should hold.
    ///
    /// # Errors
    /// [`Error`]; with the code
    /// [`NotExistConsumerWithBody`](crate::ErrorCode::NotExistConsumerWithBody) when the
    /// group knows no such consumer, or no longer, and it named shards.
    fn heartbeat(
        &self,
        group: &str,
        consumer: &ConsumerName,
        held: &[ShardId],
    ) -> impl Future<Output = Result<Vec<ShardId>, Error>> + Send;
}
