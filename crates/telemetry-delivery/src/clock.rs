use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Gives the current wall-clock time. Object safe.
///
/// What is signed, stamped or compared with a server's `Date` takes its time from here.
/// Waiting does not: it uses tokio's timer, which tests pause.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now; it may stand still or step back, as a wall clock does.
    fn now(&self) -> SystemTime;
}

const _: fn(&dyn Clock) = |_| {};

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

#[cfg(any(test, feature = "test-util"))]
pub use manual::ManualClock;

#[cfg(any(test, feature = "test-util"))]
mod manual {
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::{Duration, SystemTime};

    use super::Clock;

    /// Stands still until told otherwise.
    ///
    /// Clones show the same time, so a test keeps one and hands out another.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use std::time::{Duration, SystemTime};
    /// use telemetry_delivery::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    /// let shown_elsewhere = clock.clone();
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(shown_elsewhere.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
    /// # }
    /// ```
    #[derive(Debug, Clone)]
    pub struct ManualClock {
        now: Arc<Mutex<SystemTime>>,
    }

    impl ManualClock {
        /// Shows `now` until it is set or advanced.
        #[must_use]
        pub fn new(now: SystemTime) -> Self {
            Self {
                now: Arc::new(Mutex::new(now)),
            }
        }

        /// Moves the time forward.
        ///
        /// # Panics
        /// When the sum is past what the platform's `SystemTime` can hold.
        pub fn advance(&self, by: Duration) {
            self.change(|now| now + by);
        }

        /// Jumps to `now`, forward or backward.
        pub fn set(&self, now: SystemTime) {
            self.change(|_| now);
        }

        fn change(&self, to: impl FnOnce(SystemTime) -> SystemTime) {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = to(*now);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> SystemTime {
            *self.now.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clones_of_a_manual_clock_show_the_same_time() {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        let other: Arc<dyn Clock> = Arc::new(clock.clone());
        clock.advance(Duration::from_secs(90));
        assert_eq!(
            other.now(),
            SystemTime::UNIX_EPOCH + Duration::from_secs(90)
        );
    }

    #[test]
    fn a_manual_clock_can_step_back() {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(90));
        clock.set(SystemTime::UNIX_EPOCH);
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn the_system_clock_is_past_the_first_release() {
        let first_release = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
        assert!(SystemClock.now() > first_release);
    }
}
