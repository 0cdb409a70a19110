//! Reads: the checkpoint, the place to begin at, the next logs.

use std::sync::Arc;
use std::time::Duration;

use sls_core::api::PulledLogs;
use sls_core::model::{Cursor, CursorPosition};
use sls_core::service::{Pull, ShardReader};
use sls_core::{ErrorCode, RetryClass};
use tracing::{debug, warn};

use super::state::{Pulled, ReadFailure};
use super::task::{BoxFuture, Loaded, Running};
use crate::batch::ShardBatch;
use crate::budget::Held;
use crate::checkpointer::{Checkpointer, Place};
use crate::error::Error;
use crate::processor::Processor;

pub(super) enum ReadAnswer {
    Loaded(Result<Option<Cursor>, sls_core::Error>),
    Located(Result<Cursor, sls_core::Error>),
    Pulled(Result<(PulledLogs, Held), sls_core::Error>),
    /// So many bytes came, and there was no room for them.
    TooMuch(usize),
}

impl<R: ShardReader, P: Processor> Running<R, P> {
    pub(super) fn load(&self) -> BoxFuture<ReadAnswer> {
        let (store, settings) = (
            Arc::clone(&self.task.store),
            Arc::clone(&self.task.settings),
        );
        let shard = self.task.shard;
        Box::pin(async move { ReadAnswer::Loaded(store.load(&settings.group, shard).await) })
    }

    pub(super) fn locate(&self, position: CursorPosition) -> BoxFuture<ReadAnswer> {
        let (reader, shard) = (Arc::clone(&self.task.reader), self.task.shard);
        Box::pin(async move { ReadAnswer::Located(reader.cursor(shard, position).await) })
    }

    pub(super) fn pull(
        &mut self,
        cursor: Cursor,
        end: Option<Cursor>,
        is_ahead: bool,
    ) -> BoxFuture<ReadAnswer> {
        let reader = Arc::clone(&self.task.reader);
        let claim = self.task.budget.claim(self.last_size, is_ahead);
        self.under_way.ahead = is_ahead.then(|| claim.id());
        let pull = Pull {
            shard: self.task.shard,
            cursor,
            count: self.task.settings.count,
            end_cursor: end,
            processing: self.task.settings.processing.clone(),
        };
        Box::pin(async move {
            let admission = claim.admitted().await;
            let logs = match reader.pull(pull).await {
                Ok(logs) => logs,
                Err(cause) => return ReadAnswer::Pulled(Err(cause)),
            };
            let size = logs.raw_size();
            match admission.arrived(size) {
                Some(held) => ReadAnswer::Pulled(Ok((logs, held))),
                None => ReadAnswer::TooMuch(size),
            }
        })
    }

    pub(super) fn have_read(&mut self, now: Duration, answer: ReadAnswer) {
        match answer {
            ReadAnswer::Loaded(Ok(checkpoint)) => self.state.loaded(checkpoint),
            ReadAnswer::Located(Ok(cursor)) => self.state.located(cursor),
            ReadAnswer::Pulled(Ok((logs, held))) => self.pulled(now, logs, held),
            ReadAnswer::TooMuch(bytes) => {
                debug!(shard = %self.task.shard, bytes, "no room for what came, pulled again later");
                self.last_size = bytes;
                self.state.not_held();
            }
            ReadAnswer::Loaded(Err(cause)) => {
                return self.read_failed(now, cause, ReadFailure::Gone);
            }
            ReadAnswer::Located(Err(cause)) => {
                return self.read_failed(now, cause, ReadFailure::Lasting);
            }
            ReadAnswer::Pulled(Err(cause)) => {
                return self.read_failed(now, cause, ReadFailure::Expired);
            }
        }
        self.trouble(None);
    }

    pub(super) fn pulled(&mut self, now: Duration, logs: PulledLogs, held: Held) {
        let scan = logs.scan().copied();
        let (groups, bytes) = match scan {
            Some(scan) => (scan.groups, scan.bytes),
            None => (logs.group_count() as u64, logs.raw_size() as u64),
        };
        self.last_size = logs.raw_size();
        let next = logs.next_cursor().clone();
        let place = Place {
            sequence: self.state.next_sequence(),
            cursor: next.clone(),
        };
        let at_end = logs.end_of_cursor();
        let batch = (logs.log_count() > 0).then(|| Loaded {
            batch: ShardBatch::of(
                self.task.shard,
                logs,
                Checkpointer::new(place, Arc::clone(&self.marks)),
            ),
            held,
        });
        self.state.pulled(
            now,
            Pulled {
                next,
                at_end,
                groups,
                bytes,
                batch,
            },
        );
        if self.state.is_caught_up() {
            self.task
                .board
                .with(|progress| progress.lag = Some(Duration::ZERO));
        }
    }

    /// `InvalidCursor` means that a cursor expired where one was sent.
    pub(super) fn read_failed(
        &mut self,
        now: Duration,
        cause: sls_core::Error,
        on_cursor: ReadFailure,
    ) {
        let shard = self.task.shard;
        let failure = match (cause.code(), cause.retry_class()) {
            (Some(ErrorCode::InvalidCursor), _) if on_cursor == ReadFailure::Expired => on_cursor,
            (Some(ErrorCode::ShardNotExist), _) => ReadFailure::Gone,
            (_, RetryClass::Never) => ReadFailure::Lasting,
            _ => ReadFailure::Passing,
        };
        self.trouble(Some(&cause));
        if failure == ReadFailure::Expired {
            self.task.board.with(|progress| progress.expired += 1);
            let policy = self.task.settings.on_expired;
            warn!(%shard, error = %cause, ?policy, "checkpoint has expired");
        } else {
            debug!(%shard, error = %cause, "shard cannot be read now");
        }
        if self.state.read_failed(now, failure) {
            let cursor = self.state.position().map(|place| place.cursor.clone());
            self.error = Some(match (failure, cursor) {
                (ReadFailure::Expired, Some(cursor)) => Error::Expired { shard, cursor },
                _ => Error::Reading {
                    shard,
                    cause: Box::new(cause),
                },
            });
        }
    }
}
