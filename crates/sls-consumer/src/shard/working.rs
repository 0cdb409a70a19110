//! Works: hands batches over, and writes those that fail for good to the dead letters.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sls_core::BoxError;
use sls_core::model::Cursor;
use sls_core::service::ShardReader;
use tokio::time::Instant;
use tracing::{error, warn};

use super::state::Verdict;
use super::task::Running;
use super::turn;
use crate::error::Error;
use crate::policy::Exhausted;
use crate::processor::Processor;

pub(super) enum WorkAnswer {
    Started,
    Processed(Result<(), BoxError>),
    /// Gives how many groups were written when it failed.
    Buried(Result<(), (usize, sls_core::Error)>),
    Stopped,
}

impl<R: ShardReader, P: Processor> Running<R, P> {
    pub(super) fn process(&mut self, attempt: u32) {
        let Some(loaded) = self.state.front() else {
            return;
        };
        loaded.held.hand_over();
        let batch = match attempt {
            1 => loaded.batch.clone(),
            attempt => loaded.batch.again(attempt),
        };
        let processor = Arc::clone(&self.task.processor);
        self.work_on(async move {
            let outcome = caught(async { processor.process(&batch).await }).await;
            WorkAnswer::Processed(outcome.and_then(|outcome| outcome))
        });
    }

    pub(super) fn bury(&mut self) {
        let Exhausted::DeadLetter(letters) = &self.task.settings.on_failure.then else {
            return;
        };
        let Some(loaded) = self.state.front() else {
            return;
        };
        let (letters, batch, from) = (letters.clone(), loaded.batch.clone(), self.buried);
        self.work_on(async move { WorkAnswer::Buried(letters.write(&batch, from).await) });
    }

    pub(super) fn work_on(&mut self, work: impl Future<Output = WorkAnswer> + Send + 'static) {
        self.worked_since = Instant::now();
        let fence = self.task.fence.clone();
        self.under_way.work = Some(Box::pin(turn::while_open(move || fence.is_open(), work)));
    }

    pub(super) fn worked(&mut self, now: Duration, answer: WorkAnswer) {
        // Marks that were set before the answer count before it.
        if let Some(mark) = self.marks.take() {
            self.state.marked(mark);
        }
        match answer {
            WorkAnswer::Started => self.state.started(),
            WorkAnswer::Stopped => self.state.ended(),
            WorkAnswer::Processed(Ok(())) => self.processed(),
            WorkAnswer::Processed(Err(cause)) => self.failed(now, cause),
            WorkAnswer::Buried(Ok(())) => {
                self.buried = 0;
                self.task.board.with(|progress| progress.dead_letters += 1);
                self.state.processed();
            }
            WorkAnswer::Buried(Err((written, cause))) => {
                self.buried = written;
                warn!(shard = %self.task.shard, error = %cause, "dead letters cannot be written");
                self.state.not_buried(now);
            }
        }
    }

    pub(super) fn processed(&mut self) {
        let Some(loaded) = self.state.front() else {
            return;
        };
        let (logs, received) = (loaded.batch.log_count() as u64, loaded.batch.received());
        let wall = self.task.clock.now();
        self.task.board.with(|progress| {
            progress.logs += logs;
            progress.batches += 1;
            progress.last_success = Some(wall);
            // Clocks differ, so what came just now may seem to come from the future.
            progress.lag = received.map(|time| wall.duration_since(time).unwrap_or_default());
        });
        #[cfg(feature = "metrics")]
        crate::metrics::processed(self.task.shard, logs);
        self.state.processed();
    }

    pub(super) fn failed(&mut self, now: Duration, cause: BoxError) {
        let shard = self.task.shard;
        let cursor = self
            .state
            .front()
            .map(|loaded| loaded.batch.cursor().clone());
        let cursor = cursor.unwrap_or_else(|| Cursor::new(""));
        let verdict = self.state.failed(now);
        self.task.board.with(|progress| progress.failures += 1);
        #[cfg(feature = "metrics")]
        crate::metrics::failed(shard);
        match verdict {
            Verdict::Again | Verdict::LeftToOthers => {
                warn!(%shard, %cursor, error = %cause, ?verdict, "batch failed");
            }
            Verdict::Bury => {
                error!(%shard, %cursor, error = %cause, "batch goes to the dead letters");
            }
            Verdict::Skipped => {
                self.task.board.with(|progress| progress.skipped += 1);
                error!(%shard, %cursor, error = %cause, "batch skipped");
            }
            Verdict::Stop => {
                let attempts = self.task.settings.on_failure.attempts;
                error!(%shard, %cursor, error = %cause, attempts, "batch failed for good");
                self.error = Some(Error::Processing {
                    shard,
                    cursor,
                    attempts,
                    cause,
                });
            }
        }
    }
}

/// Waits for user code; a panic becomes an error with its message.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, BoxError> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|payload| panic_message(payload.as_ref()).into())
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}
