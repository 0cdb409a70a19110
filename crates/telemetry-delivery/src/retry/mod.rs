//! One deadline, several attempts.
//!
//! What is worth another attempt is the caller's knowledge and comes in as a function; this
//! module knows no status and no header.

mod backoff;
mod budget;
mod config;
mod jitter;
mod policy;
mod retry_after;

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::error::ConfigError;
use crate::transport::{
    ResponseFuture, TimeoutKind, Transport, TransportError, TransportErrorKind,
};
pub use backoff::Backoff;
pub use budget::RetryBudget;
pub use config::RetryConfig;
pub(crate) use jitter::Jitter;
pub use policy::{Outcome, Verdict};
pub use retry_after::retry_after;

/// Makes a [`Retry`] out of any transport.
///
/// ```
/// use http::StatusCode;
/// use telemetry_delivery::{RetryConfig, RetryLayer, Verdict};
///
/// let layer = RetryLayer::new(RetryConfig::default(), |outcome| match outcome {
///     Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => Verdict::Again,
///     Err(error) if error.is_transient() => Verdict::Again,
///     _ => Verdict::Done,
/// })?;
/// # Ok::<(), telemetry_delivery::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RetryLayer {
    policy: Arc<Policy>,
}

impl RetryLayer {
    /// Tries again as `classify` says, within the limits of `config`.
    ///
    /// `classify` is asked once after every attempt, the last included, and should not block.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] when `config` allows no attempt or no time.
    pub fn new<F>(config: RetryConfig, classify: F) -> Result<Self, ConfigError>
    where
        F: Fn(Outcome<'_>) -> Verdict + Send + Sync + 'static,
    {
        config.check()?;
        let policy = Policy {
            config,
            classify: Box::new(classify),
            jitter: Jitter::new(),
        };
        Ok(Self {
            policy: Arc::new(policy),
        })
    }
}

impl<T> Layer<T> for RetryLayer {
    type Service = Retry<T>;

    fn layer(&self, inner: T) -> Retry<T> {
        Retry {
            inner,
            policy: Arc::clone(&self.policy),
        }
    }
}

/// A transport that sends a request again while that may help.
///
/// ```text
///   request --> attempt --> your classify function --> Done --> the outcome, as it is
///                 ^                  |
///                 |       Again, After or NotBefore(wait)
///                 |                  |
///                 +---- wait <--- attempts, time and budget left?  -- no --> the outcome
///
///   |<----------------------- one deadline around all of it ------------------------>|
/// ```
///
/// Whatever sits inside, such as a layer that signs, runs again for every attempt.
/// Made by a [`RetryLayer`]; clones, and every `Retry` of one layer, share its budget.
///
/// What sits inside finds the number of the [`Attempt`] among the extensions of its request, and
/// runs within a `tracing` span named `attempt`, at debug level, that has it as a field.
/// An answer carries its number of [`Attempts`] as an extension, an error has it in
/// [`attempts`](TransportError::attempts).
///
/// # Errors
/// - When attempts, time or budget do not allow another one, the last outcome is returned as it
///   is: a 503 after four attempts is `Ok`, a refused connection is the transport's error.
/// - When the deadline cuts an attempt off:
///   [`Timeout(Deadline)`](TimeoutKind::Deadline), whose `source()` is what the attempt before
///   it failed with, if there was one.
///
/// # Cancel safety
/// Dropping the future ends the attempt in flight and makes no other; tokens its retries took
/// from the budget are not given back.
///
/// # Requests that must not be repeated
/// One with [`Once`] among its extensions is sent again only when nothing of it was sent.
#[derive(Debug, Clone)]
pub struct Retry<T> {
    inner: T,
    policy: Arc<Policy>,
}

impl<T> Retry<T> {
    /// The transport inside.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }
}

impl<T: Transport> Service<Request<Bytes>> for Retry<T> {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> ResponseFuture {
        // The one that `poll_ready` made ready goes to work, its clone stays for the next call.
        let spare = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, spare);
        let policy = Arc::clone(&self.policy);
        Box::pin(async move { policy.run(inner, request).await })
    }
}

/// Which attempt a request is sent for, counted from 1; found among its extensions below a
/// [`Retry`].
///
/// ```
/// use bytes::Bytes;
/// use telemetry_delivery::Attempt;
///
/// fn is_retry(request: &http::Request<Bytes>) -> bool {
///     matches!(request.extensions().get(), Some(Attempt(2..)))
/// }
/// # assert!(!is_retry(&http::Request::default()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u32);

/// Says, among the extensions of a request, that it must not be repeated: where a first copy that
/// arrives late would undo what was sent after it.
///
/// A [`Retry`] sends such a request again only after an error that tells that nothing was
/// [sent](TransportError::may_have_been_sent), such as a connection that was refused. Every answer
/// goes to the caller as it is, whatever the classify function says of it: a gateway that gives up
/// may have passed the request on.
///
/// ```
/// use bytes::Bytes;
/// use telemetry_delivery::Once;
///
/// let mut request = http::Request::new(Bytes::from_static(b"the door is open"));
/// request.extensions_mut().insert(Once);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once;

/// How many attempts an answer took, found among the extensions of the response.
///
/// ```
/// use bytes::Bytes;
/// use telemetry_delivery::Attempts;
///
/// fn attempts(answer: &http::Response<Bytes>) -> u32 {
///     answer.extensions().get().map_or(1, |Attempts(n)| *n)
/// }
/// # assert_eq!(attempts(&http::Response::default()), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempts(pub u32);

struct Policy {
    config: RetryConfig,
    classify: Box<dyn Fn(Outcome<'_>) -> Verdict + Send + Sync>,
    jitter: Jitter,
}

impl Policy {
    async fn run<T: Transport>(
        &self,
        mut inner: T,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let began = Instant::now();
        let time_left = || self.config.deadline().saturating_sub(began.elapsed());
        let is_once = request.extensions().get::<Once>().is_some();
        let mut past = Past::default();
        let mut attempt = 1;
        loop {
            let mut request = request.clone();
            request.extensions_mut().insert(Attempt(attempt));
            let span = tracing::debug_span!("attempt", number = attempt);
            let sending = send(&mut inner, request).instrument(span);
            let Ok(outcome) = timeout(time_left(), sending).await else {
                return Err(self.cut_off(attempt, past));
            };
            let wait = match (self.classify)(outcome.as_ref()) {
                Verdict::Done => {
                    if outcome
                        .as_ref()
                        .is_ok_and(|answer| answer.status().is_success())
                    {
                        self.config.budget().deposit(past.taken);
                    }
                    return past.finish(outcome, attempt);
                }
                Verdict::Again => self.config.backoff().delay(attempt, self.jitter.next()),
                Verdict::After(wait) => wait.min(self.config.max_retry_after()),
                Verdict::NotBefore(wait) => {
                    let wait = self.config.backoff().spread(wait, self.jitter.next());
                    wait.min(self.config.max_retry_after())
                }
            };
            if is_once && may_have_been_sent(&outcome) {
                let failure = Told(&outcome);
                tracing::debug!(attempt, %failure, "not repeated, as the request wants it");
                return past.finish(outcome, attempt);
            }
            match self.permit(attempt, wait, time_left(), is_timeout(&outcome)) {
                Ok(taken) => past.taken = Some(taken),
                Err(obstacle) => {
                    let failure = Told(&outcome);
                    tracing::warn!(attempt, %failure, "giving up, {obstacle}");
                    return past.finish(outcome, attempt);
                }
            }
            tracing::debug!(attempt, failure = %Told(&outcome), ?wait, "trying again");
            past.add(outcome);
            sleep(wait).await;
            attempt += 1;
        }
    }

    /// Whether there may be another attempt, and what it cost; otherwise, what stands against it.
    fn permit(
        &self,
        attempts: u32,
        wait: Duration,
        time_left: Duration,
        after_timeout: bool,
    ) -> Result<u32, &'static str> {
        if attempts >= self.config.max_attempts() {
            return Err("no attempt is left");
        }
        if wait >= time_left {
            return Err("the wait does not fit the deadline");
        }
        // Last, since it is the only check that leaves a trace.
        self.config
            .budget()
            .withdraw(after_timeout)
            .ok_or("the retry budget is used up")
    }

    fn cut_off(&self, attempt: u32, past: Past) -> TransportError {
        let deadline = self.config.deadline();
        tracing::warn!(attempt, ?deadline, "giving up, the deadline passed");
        let kind = TransportErrorKind::Timeout(TimeoutKind::Deadline);
        let message = format!("no answer within the deadline of {deadline:?}");
        let error = TransportError::new(kind, message).with_attempts(attempt);
        match past.last {
            Some(Err(failure)) => error.with_source(failure),
            Some(Ok(status)) => error.with_source(Answered(status)),
            None => error,
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

async fn send<T: Transport>(
    inner: &mut T,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let began = Instant::now();
    let outcome = match poll_fn(|cx| inner.poll_ready(cx)).await {
        Ok(()) => inner.call(request).await,
        Err(error) => Err(error),
    };
    tracing::debug!(outcome = %Told(&outcome), elapsed = ?began.elapsed(), "ended");
    outcome
}

fn is_timeout(outcome: &Result<Response<Bytes>, TransportError>) -> bool {
    let kind = outcome.as_ref().err().map(TransportError::kind);
    matches!(kind, Some(TransportErrorKind::Timeout(_)))
}

fn may_have_been_sent(outcome: &Result<Response<Bytes>, TransportError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => error.may_have_been_sent(),
    }
}

/// What the attempts before the current one left behind.
#[derive(Default)]
struct Past {
    /// How the last of them ended; of an answer, only its status.
    last: Option<Result<StatusCode, TransportError>>,
    /// Whether any of them may have reached the server.
    sent: bool,
    /// What the last retry took from the budget.
    taken: Option<u32>,
}

impl Past {
    fn add(&mut self, outcome: Result<Response<Bytes>, TransportError>) {
        self.sent |= may_have_been_sent(&outcome);
        self.last = Some(outcome.map(|answer| answer.status()));
    }

    /// Writes the number of attempts onto the outcome that the caller gets.
    fn finish(
        self,
        outcome: Result<Response<Bytes>, TransportError>,
        attempts: u32,
    ) -> Result<Response<Bytes>, TransportError> {
        match outcome {
            Ok(mut answer) => {
                answer.extensions_mut().insert(Attempts(attempts));
                Ok(answer)
            }
            Err(error) => {
                let sent = self.sent || error.may_have_been_sent();
                Err(error.with_attempts(attempts).with_sent(sent))
            }
        }
    }
}

/// One line about an outcome.
struct Told<'a>(&'a Result<Response<Bytes>, TransportError>);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(answer) => Answered(answer.status()).fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

/// An answer that was not good enough, where an error has to be named.
#[derive(Debug)]
struct Answered(StatusCode);

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered with http {}", self.0.as_u16())
    }
}

impl Error for Answered {}

#[cfg(test)]
mod tests;
