//! The time a run has taken: the only place of the crate that reads a clock.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Measures how long a run takes, for its time limit. Object safe.
///
/// It has nothing to do with the `now()` of the language, which is the value handed to
/// [`Program::evaluator`](crate::Program::evaluator).
pub trait Stopwatch: fmt::Debug + Send + Sync + 'static {
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
}

const _: fn(&dyn Stopwatch) = |_| {};

/// The monotonic clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemStopwatch;

impl Stopwatch for SystemStopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the stopwatch is the seam behind which the clock is read"
    )]
    fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}
