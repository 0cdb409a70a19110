use std::time::Duration;

/// Exponential backoff with full jitter, as arithmetic only.
///
/// The wait before retry `n` is anything from zero to `base * 2^(n-1)`, and never above `cap`.
/// Spreading over the whole range keeps clients that failed together from coming back together.
///
/// Where a service documents another schedule, [`without_jitter`](Self::without_jitter) and
/// [`first_at_once`](Self::first_at_once) follow it:
///
/// ```
/// use std::time::Duration;
/// use telemetry_delivery::Backoff;
///
/// let backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(120))
///     .without_jitter()
///     .first_at_once();
/// let waits = [1, 2, 3].map(|retry| backoff.delay(retry, 7).as_millis());
/// assert_eq!(waits, [0, 500, 1000]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    jitter: bool,
    first_at_once: bool,
}

impl Default for Backoff {
    /// A base of 500 milliseconds and a cap of 20 seconds.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(20))
    }
}

impl Backoff {
    /// Waits up to `base` at first, doubling up to `cap`. Any value will do; a `base` of zero
    /// never waits.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            jitter: true,
            first_at_once: false,
        }
    }

    /// Waits for the whole of each ceiling.
    #[must_use]
    pub const fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// Does not wait before the first retry; the others wait as they would anyway.
    #[must_use]
    pub const fn first_at_once(mut self) -> Self {
        self.first_at_once = true;
        self
    }

    /// The longest wait before retry `retry`, counted from 1.
    #[must_use]
    pub fn ceiling(&self, retry: u32) -> Duration {
        let doublings = retry.saturating_sub(1);
        if doublings == 0 && self.first_at_once {
            return Duration::ZERO;
        }
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// The wait before retry `retry`, counted from 1.
    ///
    /// `random` is uniform over all of `u64`: zero gives no wait, the maximum gives the
    /// [`ceiling`](Self::ceiling), or 584 years when that is longer. Without jitter, it does not
    /// matter.
    #[must_use]
    pub fn delay(&self, retry: u32, random: u64) -> Duration {
        if !self.jitter {
            return self.ceiling(retry);
        }
        part(self.ceiling(retry), random)
    }

    /// A wait that somebody asked for, and up to a quarter more.
    pub(super) fn spread(&self, wait: Duration, random: u64) -> Duration {
        if !self.jitter {
            return wait;
        }
        wait.saturating_add(part(wait / 4, random))
    }
}

/// None of a time for zero, all of it for the maximum.
fn part(time: Duration, random: u64) -> Duration {
    let most = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let nanos = (u128::from(most) * (u128::from(random) + 1)) >> 64;
    Duration::from_nanos(nanos as u64)
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let backoff = Backoff::new(500 * MS, Duration::from_secs(3));
        let ceilings: Vec<_> = (1..=5).map(|retry| backoff.ceiling(retry)).collect();
        assert_eq!(
            ceilings,
            [500 * MS, 1000 * MS, 2000 * MS, 3000 * MS, 3000 * MS]
        );
    }

    #[test]
    fn random_numbers_map_onto_the_whole_range() {
        let backoff = Backoff::new(1000 * MS, Duration::from_secs(20));
        assert_eq!(backoff.delay(1, 0), Duration::ZERO);
        assert_eq!(backoff.delay(1, u64::MAX / 2), 500 * MS);
        assert_eq!(backoff.delay(1, u64::MAX), 1000 * MS);
    }

    #[test]
    fn a_schedule_without_jitter_is_its_ceilings_and_may_begin_at_once() {
        let backoff = Backoff::new(30_000 * MS, Duration::from_secs(120)).without_jitter();
        let delays = |backoff: Backoff| [1, 2, 3, 4].map(|retry| backoff.delay(retry, 5).as_secs());
        assert_eq!(delays(backoff), [30, 60, 120, 120]);
        assert_eq!(delays(backoff.first_at_once()), [0, 60, 120, 120]);
    }

    #[test]
    fn a_wanted_wait_is_spread_over_a_quarter_more() {
        let backoff = Backoff::default();
        let spread = |random| backoff.spread(4000 * MS, random);
        assert_eq!(spread(0), 4000 * MS);
        assert_eq!(spread(u64::MAX), 5000 * MS);
        assert_eq!(backoff.spread(Duration::ZERO, u64::MAX), Duration::ZERO);
        let exact = backoff.without_jitter();
        assert_eq!(exact.spread(4000 * MS, u64::MAX), 4000 * MS);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        assert!(Backoff::default().spread(Duration::MAX, u64::MAX) == Duration::MAX);
        let backoff = Backoff::new(Duration::MAX, Duration::MAX);
        let centuries = Duration::from_nanos(u64::MAX);
        assert_eq!(backoff.delay(u32::MAX, u64::MAX), centuries);
    }

    proptest! {
        #[test]
        fn a_delay_never_exceeds_its_ceiling(
            base in any::<Duration>(),
            cap in any::<Duration>(),
            retry in any::<u32>(),
            random in any::<u64>(),
        ) {
            let backoff = Backoff::new(base, cap);
            prop_assert!(backoff.ceiling(retry) <= cap);
            prop_assert!(backoff.delay(retry, random) <= backoff.ceiling(retry));
        }

        #[test]
        fn a_larger_random_number_never_waits_less(
            retry in 1u32..40,
            one in any::<u64>(),
            other in any::<u64>(),
        ) {
            let backoff = Backoff::default();
            let (less, more) = (one.min(other), one.max(other));
            prop_assert!(backoff.delay(retry, less) <= backoff.delay(retry, more));
        }
    }
}
