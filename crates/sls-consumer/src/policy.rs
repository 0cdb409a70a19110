//! What to do when things go wrong.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sls_core::Error;
use sls_core::model::CursorPosition;
use sls_core::service::LogSink;
use sls_core::wire::{EncodedGroup, GroupEncoder, GroupMeta};

use crate::batch::ShardBatch;

/// What becomes of a batch that the processor fails to process.
///
/// It is handed over again after a pause that doubles, and after so many failures the
/// worker stops, or it goes to another place, or is skipped. No log is skipped in silence.
#[derive(Debug, Clone)]
#[must_use]
pub struct FailurePolicy {
    pub(crate) attempts: u32,
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
    pub(crate) then: Exhausted,
}

impl FailurePolicy {
    /// How often a batch is handed over, unless told otherwise.
    pub const DEFAULT_ATTEMPTS: u32 = 10;
    /// The pause after the first failure, unless told otherwise.
    pub const DEFAULT_FIRST_PAUSE: Duration = Duration::from_millis(100);
    /// The longest pause, unless told otherwise.
    pub const DEFAULT_LONGEST_PAUSE: Duration = Duration::from_secs(10);

    /// Then the worker stops with [`Error::Processing`](crate::Error::Processing).
    pub fn stop() -> Self {
        Self {
            attempts: Self::DEFAULT_ATTEMPTS,
            first_pause: Self::DEFAULT_FIRST_PAUSE,
            longest_pause: Self::DEFAULT_LONGEST_PAUSE,
            then: Exhausted::Stop,
        }
    }

    /// Never gives up.
    pub fn retry_forever() -> Self {
        Self::stop().with_attempts(u32::MAX)
    }

    /// Then the batch goes to another place, unchanged, and reading goes on. It is tried again
    /// there until it is written.
    pub fn dead_letter(sink: impl LogSink) -> Self {
        Self {
            then: Exhausted::DeadLetter(DeadLetters(Arc::new(sink))),
            ..Self::stop()
        }
    }

    /// Then the batch is skipped, with a `tracing` event of level `ERROR` that says which, and
    /// counted in the [`Report`](crate::Report).
    pub fn skip() -> Self {
        Self {
            then: Exhausted::Skip,
            ..Self::stop()
        }
    }

    /// How often a batch is handed over, at least once. Default: 10 times; `u32::MAX` means
    /// without end.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The pause after the first failure, and the longest one; it doubles in between. Default:
    /// 100 milliseconds and 10 seconds.
    pub fn with_pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest.max(first);
        self
    }

    pub(crate) fn pause(&self, failures: u32) -> Duration {
        doubled(self.first_pause, failures).min(self.longest_pause)
    }
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self::stop()
    }
}

/// `first` after the first failure, twice as long after each further one.
pub(crate) fn doubled(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)))
}

/// What becomes of a batch that failed for the last time.
#[derive(Debug, Clone)]
pub(crate) enum Exhausted {
    Stop,
    DeadLetter(DeadLetters),
    Skip,
}

/// Where batches go that cannot be processed.
#[derive(Clone)]
pub(crate) struct DeadLetters(Arc<dyn Sink>);

impl DeadLetters {
    /// Writes every group of a batch, from the group of this number on; gives the number of the
    /// group that failed.
    pub(crate) async fn write(
        &self,
        batch: &ShardBatch,
        from: usize,
    ) -> Result<(), (usize, Error)> {
        for (index, group) in batch.groups().enumerate().skip(from) {
            let mut encoder = GroupEncoder::with_capacity(group.as_bytes().len());
            for log in group.logs() {
                encoder.push_view(log);
            }
            let encoded = encoder.finish(&GroupMeta::of(&group));
            self.0.put(encoded).await.map_err(|error| (index, error))?;
        }
        Ok(())
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeadLetters")
    }
}

/// A [`LogSink`] whose type does not matter.
trait Sink: Send + Sync {
    fn put(
        &self,
        group: EncodedGroup,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>>;
}

impl<S: LogSink> Sink for S {
    fn put(
        &self,
        group: EncodedGroup,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>> {
        Box::pin(async move { self.put_logs(&group).await })
    }
}

/// Where to read on when a checkpoint has outlived what the logstore keeps.
///
/// Whatever is chosen, it is reported: with a `tracing` event of level `WARN`, in the
/// shard's [progress](crate::ShardProgress) and in the [`Report`](crate::Report).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiredCursor {
    /// At the oldest log group that is still kept. Only what has expired is lost.
    #[default]
    Begin,
    /// After the newest log group. What is kept in between is skipped.
    End,
    /// The worker stops with [`Error::Expired`](crate::Error::Expired).
    Stop,
}

impl ExpiredCursor {
    pub(crate) fn position(self) -> Option<CursorPosition> {
        match self {
            Self::Begin => Some(CursorPosition::Begin),
            Self::End => Some(CursorPosition::End),
            Self::Stop => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = FailurePolicy::stop();
        let pauses = [1, 2, 3, 7, 8, 40].map(|failures| policy.pause(failures).as_millis());
        assert_eq!(pauses, [100, 200, 400, 6400, 10_000, 10_000]);
    }
}
