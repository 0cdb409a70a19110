//! What a call tells about itself while it is performed, and nowhere else.

use sls_core::Error;
use sls_core::api::{ApiReply, Operation};
#[cfg(feature = "metrics")]
use tokio::time::Instant;
use tracing::{Span, field};

#[cfg(feature = "metrics")]
use crate::metrics::{self, Answered};

/// The span of a call. What is not known yet is recorded when the call is over.
pub(crate) fn span<O: Operation>(operation: &O) -> Span {
    tracing::debug_span!(
        "call",
        operation = O::NAME,
        project = operation.project(),
        resource = %operation.resource(),
        attempts = field::Empty,
        status = field::Empty,
        request_id = field::Empty,
    )
}

/// A call under way.
///
/// One that is given up leaves no record: it has no outcome.
#[derive(Debug)]
#[must_use = "a call has an outcome"]
pub(crate) struct CallRecord {
    // Not the current span: when this one is switched off, that is one of the program's.
    span: Span,
    #[cfg(feature = "metrics")]
    operation: &'static str,
    #[cfg(feature = "metrics")]
    request_bytes: usize,
    #[cfg(feature = "metrics")]
    began: Instant,
}

#[cfg_attr(
    not(feature = "metrics"),
    expect(unused_variables, reason = "only the metrics want to know")
)]
impl CallRecord {
    pub(crate) fn begin(span: Span, operation: &'static str, request_bytes: usize) -> Self {
        Self {
            span,
            #[cfg(feature = "metrics")]
            operation,
            #[cfg(feature = "metrics")]
            request_bytes,
            #[cfg(feature = "metrics")]
            began: Instant::now(),
        }
    }

    /// An answer has arrived; `error` is what became of it, if not a reply.
    pub(crate) fn answered(self, attempts: u32, reply: &ApiReply, error: Option<&Error>) {
        if !self.span.is_disabled() {
            self.span.record("attempts", attempts);
            self.span.record("status", reply.status.as_u16());
            self.span
                .record("request_id", field::display(reply.request_id()));
        }
        #[cfg(feature = "metrics")]
        metrics::answered(&Answered {
            operation: self.operation,
            attempts,
            round_trip: self.began.elapsed(),
            request_bytes: self.request_bytes,
            response_bytes: reply.body.len(),
            error,
        });
    }

    /// No complete answer has arrived.
    pub(crate) fn not_answered(self, attempts: u32) {
        self.span.record("attempts", attempts);
        #[cfg(feature = "metrics")]
        metrics::not_answered(self.operation, attempts);
    }
}
