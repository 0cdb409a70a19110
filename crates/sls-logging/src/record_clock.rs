//! Where records get their time from.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telemetry_delivery::{Clock, SystemClock};

/// The system's clock, or one that the program gave.
#[derive(Debug, Clone)]
pub(crate) enum RecordClock {
    System,
    Other(Arc<dyn Clock>),
}

impl RecordClock {
    /// The time since 1970, zero before.
    ///
    /// Every record asks, so the system's own two numbers are taken as they are: by way of a
    /// `SystemTime` and a subtraction it takes half as long again.
    #[inline]
    pub(crate) fn since_epoch(&self) -> Duration {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::System => {
                use rustix::time::{ClockId, clock_gettime};

                let now = clock_gettime(ClockId::Realtime);
                of_parts(now.tv_sec, now.tv_nsec as u32)
            }
            _ => since_epoch(self.now()),
        }
    }
}

impl Clock for RecordClock {
    fn now(&self) -> SystemTime {
        match self {
            Self::System => SystemClock.now(),
            Self::Other(clock) => clock.now(),
        }
    }
}

/// The time since 1970, zero before.
#[inline]
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same of the system's two numbers.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn of_parts(seconds: i64, nanos: u32) -> Duration {
    u64::try_from(seconds).map_or(Duration::ZERO, |seconds| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_the_time_show_the_same() {
        let clock = RecordClock::System;
        let before = since_epoch(clock.now());
        let between = clock.since_epoch();
        let after = since_epoch(clock.now());
        assert!(before <= between && between <= after);
    }

    #[test]
    fn before_1970_is_1970() {
        let long_ago = UNIX_EPOCH - Duration::from_secs(1);
        let clock = RecordClock::Other(Arc::new(SystemClock));
        assert!(clock.since_epoch() > Duration::ZERO);
        assert_eq!(since_epoch(long_ago), Duration::ZERO);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        for (seconds, nanos, shown) in [
            (-1, 999_999_999, Duration::ZERO),
            (0, 0, Duration::ZERO),
            (0, 1, Duration::from_nanos(1)),
            (7, 5, Duration::new(7, 5)),
        ] {
            assert_eq!(of_parts(seconds, nanos), shown);
        }
    }
}
