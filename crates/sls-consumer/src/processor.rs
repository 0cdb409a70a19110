//! What the program does with logs.

use std::future::Future;

use sls_core::BoxError;
use sls_core::model::{Cursor, ShardId};

use crate::batch::ShardBatch;
use crate::checkpointer::Checkpointer;
use crate::shard::StopReason;

/// Processes batches; one value serves all shards.
///
/// Batches of one shard come one at a time and in order; different shards are served at the
/// same time. Closures from [`ShardBatch`] to a future are processors.
///
/// # Cancellation
/// When the worker loses its lease, the future of the batch in hand is dropped at its next
/// `.await`: another consumer may have the shard by then. What is not finished is given to that
/// consumer again. A processor that must not be cut in the middle of two writes makes them
/// idempotent or one transaction.
///
/// # Blocking
/// On a runtime of several threads, a processor that computes or blocks holds up neither the
/// heartbeat nor other shards: the runtime uses another thread meanwhile, up to its
/// `max_blocking_threads`. It cannot be cut off, though. On a runtime of one thread, move such
/// work to `tokio::task::spawn_blocking`.
///
/// # Example
/// ```
/// use sls_consumer::{Processor, ShardBatch};
///
/// struct Count(std::sync::atomic::AtomicUsize);
///
/// impl Processor for Count {
///     async fn process(&self, batch: &ShardBatch) -> Result<(), sls_core::BoxError> {
///         self.0.fetch_add(batch.log_count(), std::sync::atomic::Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// fn is_processor(_: impl Processor) {}
/// is_processor(Count(Default::default()));
/// is_processor(|batch: ShardBatch| async move {
///     println!("{batch}");
///     Ok(())
/// });
/// ```
pub trait Processor: Send + Sync + 'static {
    /// Processes a batch. `Ok` means that its logs are safe: the checkpoint moves past them.
    ///
    /// # Errors
    /// After an error, or a panic, the same batch is handed over again, see
    /// [`FailurePolicy`](crate::FailurePolicy).
    fn process(&self, batch: &ShardBatch) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// A shard was given to this worker; comes before its first batch. Default: nothing.
    fn started(&self, start: &ShardStart) -> impl Future<Output = ()> + Send {
        let _ = start;
        async {}
    }

    /// A shard is given up; no batch of it follows. Default: nothing.
    ///
    /// Comes before the last checkpoint is saved, so that what was gathered can be written and
    /// [marked](Checkpointer::mark), unless the shard was lost: then nothing is saved any more.
    fn stopped(&self, stop: &ShardStop) -> impl Future<Output = ()> + Send {
        let _ = stop;
        async {}
    }
}

impl<F, Fut> Processor for F
where
    F: Fn(ShardBatch) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), BoxError>> + Send,
{
    fn process(&self, batch: &ShardBatch) -> impl Future<Output = Result<(), BoxError>> + Send {
        self(batch.clone())
    }
}

/// A shard that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardStart {
    /// The shard.
    pub shard: ShardId,
    /// Where reading begins.
    pub from: Cursor,
    /// Whether that is a checkpoint, and not the configured initial position.
    pub is_resumed: bool,
}

/// A shard that ends.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ShardStop {
    /// The shard.
    pub shard: ShardId,
    /// Why.
    pub reason: StopReason,
    /// Marks all that was handed over as processed, for manual checkpoints.
    pub checkpointer: Checkpointer,
}
