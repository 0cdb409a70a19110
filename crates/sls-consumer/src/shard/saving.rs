//! Saves checkpoints.

use std::sync::Arc;
use std::time::Duration;

use sls_core::model::Cursor;
use sls_core::service::{SaveCheckpoint, ShardReader};
use sls_core::{Call, ErrorCode};
use tokio::time::timeout;
use tracing::warn;

use super::state::SaveFailure;
use super::task::Running;
use crate::processor::Processor;

impl<R: ShardReader, P: Processor> Running<R, P> {
    pub(super) fn save(&mut self, cursor: Cursor) {
        let (store, settings) = (
            Arc::clone(&self.task.store),
            Arc::clone(&self.task.settings),
        );
        let (shard, consumer) = (self.task.shard, self.task.consumer.clone());
        let patience = settings.save_patience;
        self.under_way.save = Some(Box::pin(async move {
            let checkpoint = SaveCheckpoint {
                group: &settings.group,
                shard,
                cursor: &cursor,
                consumer: &consumer,
                only_while_held: true,
            };
            match timeout(patience, store.save(checkpoint)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(sls_core::Error::NoAnswer {
                    call: Call::new(
                        "UpdateCheckPoint",
                        format!("{} shard {shard}", settings.group),
                    ),
                    may_have_acted: true,
                    transient: true,
                    cause: format!("nothing came within {patience:?}").into(),
                }),
            }
        }));
    }

    pub(super) fn saved(&mut self, now: Duration, answer: Result<(), sls_core::Error>) {
        match answer {
            Ok(()) => {
                let sequence = self.state.saved(now);
                self.marks.saved(sequence);
                self.trouble(None);
            }
            Err(cause) => {
                warn!(shard = %self.task.shard, error = %cause, "checkpoint not saved");
                self.state.save_failed(now, save_failure(&cause));
                self.trouble(Some(&cause));
            }
        }
    }
}

fn save_failure(error: &sls_core::Error) -> SaveFailure {
    match error.code() {
        Some(ErrorCode::ConsumerNotMatch | ErrorCode::ConsumerNotExist) => SaveFailure::NotOurs,
        Some(ErrorCode::ShardNotExist) => SaveFailure::Gone,
        _ if error.may_have_acted() => SaveFailure::NoAnswer,
        _ => SaveFailure::Refused,
    }
}

#[cfg(test)]
mod tests {
    use sls_core::RequestId;

    use super::*;

    #[test]
    fn only_a_plain_refusal_says_that_nothing_was_saved() {
        for (status, code, want) in [
            (400, "ConsumerNotMatch", SaveFailure::NotOurs),
            (404, "ConsumerNotExist", SaveFailure::NotOurs),
            (404, "ShardNotExist", SaveFailure::Gone),
            (403, "WriteQuotaExceed", SaveFailure::Refused),
            (503, "ServerBusy", SaveFailure::Refused),
            (500, "InternalServerError", SaveFailure::NoAnswer),
            (502, "BadGateway", SaveFailure::NoAnswer),
            (504, "RequestTimeout", SaveFailure::NoAnswer),
        ] {
            let error = sls_core::Error::Service {
                call: Call::new("UpdateCheckPoint", "shop/orders"),
                code: ErrorCode::parse(code),
                status,
                request_id: RequestId::default(),
                message: String::new(),
            };
            assert_eq!(save_failure(&error), want, "{status} {code}");
        }
    }
}
