use std::sync::Arc;

use sls_core::service::LogSink;
use sls_core::wire::EncodedGroup;
use sls_core::{Error, ErrorCode, RetryClass};
use telemetry_delivery::batch::{BatchHead, Delivery, Sealed, Sink};

/// Puts batches as log groups. An item is a log, and the name of a lane what its groups end with.
#[derive(Debug)]
pub(crate) struct GroupSink<S>(pub(crate) S);

impl<S: LogSink> Sink for GroupSink<S> {
    async fn deliver(&self, batch: &Sealed) -> Delivery {
        let group = batch.prepare(|batch| {
            Arc::new(EncodedGroup::from_wire(
                batch.body().to_vec(),
                batch.count(),
            ))
        });
        match self.0.put_logs(&group).await {
            Ok(()) => Delivery::Delivered,
            Err(error) => delivery_after(&error),
        }
    }

    fn trailer(&self, batch: BatchHead<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(batch.lane_name);
    }
}

/// What an error means for the batch it is about.
fn delivery_after(error: &Error) -> Delivery {
    let cause: Arc<str> = text(error).into();
    if matches!(error.code(), Some(ErrorCode::PostBodyTooLarge)) || error.status() == Some(413) {
        return Delivery::TooLarge;
    }
    match error.retry_class() {
        RetryClass::Quota => Delivery::Throttled { cause, wait: None },
        RetryClass::Never => Delivery::Refused { cause },
        _ => Delivery::Again { cause, wait: None },
    }
}

/// The error with its causes, on one line.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
