use std::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::transport::TransportError;

/// How one attempt ended, as the function that judges it sees it.
pub type Outcome<'a> = Result<&'a Response<Bytes>, &'a TransportError>;

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Hand the outcome to the caller, good or bad.
    Done,
    /// Try again after the configured backoff.
    Again,
    /// Try again after exactly this time, as a server asked for; zero means at once.
    ///
    /// More than [`RetryConfig::with_max_retry_after`](super::RetryConfig::with_max_retry_after)
    /// allows is cut down to that.
    After(Duration),
    /// Try again after this time and up to a quarter more, so that clients which were all asked
    /// to wait as long do not come back together. Zero means at once.
    ///
    /// Cut down as [`After`](Self::After) is, and no more than asked for where the
    /// [`Backoff`](super::Backoff) has no jitter.
    NotBefore(Duration),
}
