use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use telemetry_delivery::{
    Backoff, Clock, Outcome, RetryBudget, RetryConfig, RetryLayer, Verdict, retry_after,
};

use crate::config::{ConfigError, ensure};

/// When and how often a request is sent again.
///
/// | after | it is sent again |
/// |---|---|
/// | no answer: no connection, cut off, timed out | yes |
/// | a certificate that is refused | no: it does not get better |
/// | a status of 500 to 599 | yes |
/// | 413 or 429 with `Retry-After` | yes |
/// | any other status | no |
///
/// The first retry comes at once, the next after twice the factor, then doubling up to two
/// minutes: 0, 0.5 s, 1 s with the defaults. `Retry-After` takes the place of such a wait.
/// Every attempt sends the same bytes to the same address.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct Retry {
    limit: u32,
    factor: Duration,
    jitter: bool,
    max_retry_after: Duration,
    deadline: Option<Duration>,
}

/// The longest wait between attempts that the schedule comes to.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

impl Default for Retry {
    fn default() -> Self {
        Self {
            limit: 3,
            factor: Duration::from_millis(250),
            jitter: false,
            max_retry_after: LONGEST_WAIT,
            deadline: None,
        }
    }
}

impl Retry {
    /// How often a request is sent again at most. Default: 3.
    ///
    /// Zero never sends again.
    #[doc(alias = "retry_limit")]
    pub fn with_limit(mut self, retries: u32) -> Self {
        self.limit = retries;
        self
    }

    /// What the waits are multiples of: `n` failures wait `factor * 2^(n-1)`, the first not at
    /// all. Default: 250 milliseconds.
    #[doc(alias = "retry_backoff_factor")]
    pub fn with_backoff_factor(mut self, factor: Duration) -> Self {
        self.factor = factor;
        self
    }

    /// Makes each wait anything between zero and its documented length. Default: no.
    ///
    /// For many trackers that would otherwise come back together.
    pub fn with_jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// The longest wait that a server gets with `Retry-After`. Default: 120 seconds.
    ///
    /// A longer one is cut down to this.
    pub fn with_max_retry_after(mut self, limit: Duration) -> Self {
        self.max_retry_after = limit;
        self
    }

    /// How long all attempts and the waits between them may take. Default: as long as they
    /// take when every one of them takes its longest.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// See [`with_limit`](Self::with_limit).
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    fn backoff(&self) -> Backoff {
        let backoff = Backoff::new(self.factor, LONGEST_WAIT).first_at_once();
        if self.jitter {
            backoff
        } else {
            backoff.without_jitter()
        }
    }

    fn deadline_for(&self, request_timeout: Duration) -> Duration {
        if let Some(deadline) = self.deadline {
            return deadline;
        }
        let attempts = self.limit.saturating_add(1);
        let longest = LONGEST_WAIT.max(self.max_retry_after);
        request_timeout
            .saturating_mul(attempts)
            .saturating_add(longest.saturating_mul(self.limit))
            // A second for all that is neither an attempt nor a wait.
            .saturating_add(Duration::from_secs(1))
    }

    pub(crate) fn layer(
        &self,
        request_timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<RetryLayer, ConfigError> {
        ensure(
            self.limit < u32::MAX,
            "retry_limit",
            "be less than the largest number",
        )?;
        let config = RetryConfig::default()
            .with_max_attempts(self.limit + 1)
            .with_deadline(self.deadline_for(request_timeout))
            .with_backoff(self.backoff())
            .with_max_retry_after(self.max_retry_after)
            // The documented number of retries, however many failed before.
            .with_budget(RetryBudget::unlimited());
        Ok(RetryLayer::new(config, move |outcome| {
            classify(outcome, clock.as_ref())
        })?)
    }
}

/// Whether another attempt may help. The clock is for a `Retry-After` that names a date.
fn classify(outcome: Outcome<'_>, clock: &dyn Clock) -> Verdict {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) if error.is_transient() => return Verdict::Again,
        Err(_) => return Verdict::Done,
    };
    let wait = retry_after(answer.headers(), clock.now());
    match (answer.status(), wait) {
        (status, None) if status.is_server_error() => Verdict::Again,
        (status, Some(wait)) if status.is_server_error() || asks_for_time(status) => {
            Verdict::After(wait)
        }
        _ => Verdict::Done,
    }
}

fn asks_for_time(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS
    )
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;
    use http::Response;
    use telemetry_delivery::{ManualClock, TransportError, TransportErrorKind};

    use super::*;

    #[track_caller]
    fn check(status: u16, retry_after: Option<&str>, want: Verdict) {
        let mut answer = Response::builder().status(status);
        if let Some(text) = retry_after {
            answer = answer.header("retry-after", text);
        }
        let answer = answer.body(Bytes::new()).unwrap();
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        assert_eq!(classify(Ok(&answer), &clock), want, "{status}");
    }

    #[test]
    fn only_what_may_get_better_is_sent_again() {
        for status in [200, 204, 302, 400, 401, 404, 408, 413, 429] {
            check(status, None, Verdict::Done);
        }
        for status in [500, 503, 599] {
            check(status, None, Verdict::Again);
        }
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it() {
        let wait = |seconds| Verdict::After(Duration::from_secs(seconds));
        for status in [413, 429, 500, 503] {
            check(status, Some("7"), wait(7));
        }
        check(503, Some("Thu, 01 Jan 1970 00:00:30 GMT"), wait(30));
        check(400, Some("7"), Verdict::Done);
        check(503, Some("soon"), Verdict::Again);
    }

    #[test]
    fn a_refused_certificate_is_not_tried_again_and_a_lost_connection_is() {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        let verdict = |kind| classify(Err(&TransportError::new(kind, "it broke")), &clock);
        assert_eq!(verdict(TransportErrorKind::Tls), Verdict::Done);
        assert_eq!(verdict(TransportErrorKind::Closed), Verdict::Again);
        assert_eq!(verdict(TransportErrorKind::Connect), Verdict::Again);
    }

    #[test]
    fn the_waits_are_the_documented_ones() {
        let waits = |retry: Retry| {
            let backoff = retry.backoff();
            [1, 2, 3, 4].map(|n| backoff.delay(n, 0).as_millis())
        };
        assert_eq!(waits(Retry::default()), [0, 500, 1000, 2000]);
        let long = Retry::default().with_backoff_factor(Duration::from_secs(30));
        assert_eq!(waits(long), [0, 60_000, 120_000, 120_000]);
    }
}
