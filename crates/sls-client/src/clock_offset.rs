use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a signature's time may be off without being refused is 15 minutes; a new
/// difference this small changes nothing.
const TELLING: i64 = 60;
/// A local clock this close to the service's is right again.
const RIGHT: i64 = 120;

/// How far the local clock is behind the service's, as far as that is known: zero until the
/// service has refused a time.
#[derive(Debug, Default)]
pub(crate) struct ClockOffset {
    seconds: AtomicI64,
}

impl ClockOffset {
    /// The time to sign with.
    pub(crate) fn correct(&self, now: SystemTime) -> SystemTime {
        let seconds = self.seconds.load(Ordering::Relaxed);
        let by = Duration::from_secs(seconds.unsigned_abs());
        let corrected = if seconds < 0 {
            now.checked_sub(by)
        } else {
            now.checked_add(by)
        };
        corrected.unwrap_or(now)
    }

    /// Takes note of the service's time after it refused one signed at `signed_at`.
    ///
    /// Whether signing again is worth it: not when the times were close, since then
    /// something else is wrong.
    pub(crate) fn learn(
        &self,
        now: SystemTime,
        signed_at: SystemTime,
        service: SystemTime,
    ) -> bool {
        if difference(service, signed_at).abs() < TELLING {
            return false;
        }
        self.seconds
            .store(difference(service, now), Ordering::Relaxed);
        true
    }

    /// Forgets the difference once the local clock is right again.
    pub(crate) fn unlearn(&self, now: SystemTime, service: SystemTime) {
        if self.is_known() && difference(service, now).abs() < RIGHT {
            self.seconds.store(0, Ordering::Relaxed);
        }
    }

    /// Whether times are being corrected.
    pub(crate) fn is_known(&self) -> bool {
        self.seconds.load(Ordering::Relaxed) != 0
    }
}

/// Seconds from `b` to `a`.
fn difference(a: SystemTime, b: SystemTime) -> i64 {
    let seconds = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    };
    seconds(a).saturating_sub(seconds(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_refused_time_is_corrected_in_either_direction() {
        for service in [1_000_000, 3_000_000] {
            let offset = ClockOffset::default();
            assert!(offset.learn(at(2_000_000), at(2_000_000), at(service)));
            assert_eq!(offset.correct(at(2_000_010)), at(service + 10));
        }
    }

    #[test]
    fn a_refusal_of_the_right_time_is_not_worth_another_try() {
        let offset = ClockOffset::default();
        assert!(!offset.learn(at(1000), at(1000), at(1030)));
        assert!(!offset.is_known());
    }

    #[test]
    fn a_clock_that_is_right_again_is_left_alone() {
        let offset = ClockOffset::default();
        offset.learn(at(1000), at(1000), at(9000));
        offset.unlearn(at(1010), at(9010));
        assert!(offset.is_known(), "the clock is still wrong");
        offset.unlearn(at(9020), at(9021));
        assert_eq!(offset.correct(at(9030)), at(9030));
    }
}
