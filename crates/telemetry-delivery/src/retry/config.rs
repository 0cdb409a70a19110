use std::time::Duration;

use super::{Backoff, RetryBudget};
use crate::error::{ConfigError, ensure};

/// How often, how long and how eagerly a [`Retry`](super::Retry) tries.
///
/// Clones share the budget.
#[derive(Debug, Clone)]
#[must_use]
pub struct RetryConfig {
    max_attempts: u32,
    deadline: Duration,
    backoff: Backoff,
    max_retry_after: Duration,
    budget: RetryBudget,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            deadline: Duration::from_secs(90),
            backoff: Backoff::default(),
            max_retry_after: Duration::from_secs(60),
            budget: RetryBudget::default(),
        }
    }
}

impl RetryConfig {
    /// How many attempts are made at most, the first included. Default: 4.
    ///
    /// One never tries again. Zero is refused when the layer is built.
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// How long all attempts and the waits between them may take. Default: 90 seconds.
    ///
    /// An attempt in flight is cut off when the time is up, and a wait that does not fit is not
    /// begun. Zero is refused when the layer is built.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The waits between attempts. Default: up to 500 milliseconds, doubling up to 20 seconds.
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// The longest wait that [`Verdict::After`](super::Verdict::After) gets. Default: 60 seconds.
    ///
    /// A longer one is cut down to this, so that no server decides how long a caller waits; what
    /// does not fit the deadline even then is not begun.
    /// Zero tries again at once, whatever a server asks for.
    pub fn with_max_retry_after(mut self, limit: Duration) -> Self {
        self.max_retry_after = limit;
        self
    }

    /// The budget that retries are paid from. Default: one of its own, as [`RetryBudget`] says.
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// See [`with_max_attempts`](Self::with_max_attempts).
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// See [`with_deadline`](Self::with_deadline).
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// See [`with_backoff`](Self::with_backoff).
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// See [`with_max_retry_after`](Self::with_max_retry_after).
    #[must_use]
    pub fn max_retry_after(&self) -> Duration {
        self.max_retry_after
    }

    /// See [`with_budget`](Self::with_budget).
    #[must_use]
    pub fn budget(&self) -> &RetryBudget {
        &self.budget
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        ensure(self.max_attempts > 0, "max_attempts", "be at least one")?;
        ensure(!self.deadline.is_zero(), "deadline", "be longer than zero")
    }
}
