//! How fast the other side can be fed: pauses while it fails, a rate while it refuses for load.
//!
//! Arithmetic only; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::Backoff;

/// After a refusal the rate falls to this part of what was going through.
const DECREASE: f64 = 0.5;
/// Every second without a refusal adds this part of the rate at the last refusal.
const INCREASE_PER_SECOND: f64 = 0.05;
/// The rate at which the limit is forgotten, as a multiple of the rate at the last refusal.
const FORGET: f64 = 4.0;
/// The least bytes per second that a refusal leaves.
const LEAST_RATE: f64 = 1024.0;
/// What goes through is measured over about this time.
const WINDOW: Duration = Duration::from_secs(1);

/// Pace of one group of lanes.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Failures without a success since.
    streak: u32,
    /// No attempt before.
    paused_until: Option<Instant>,
    rate: Option<Rate>,
    flow: Flow,
    in_flight: usize,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    bytes_per_second: f64,
    /// The rate at the last refusal.
    base: f64,
    refused: Instant,
    raised: Instant,
    /// When what was sent so far has been paid for.
    free_at: Instant,
}

/// Bytes per second that went through lately.
#[derive(Debug, Clone, Copy)]
struct Flow {
    since: Instant,
    bytes: f64,
    last: f64,
}

/// Whether a batch may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Yes,
    At(Instant),
    /// When something that is in flight has ended.
    AfterOthers,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            streak: 0,
            paused_until: None,
            rate: None,
            flow: Flow {
                since: now,
                bytes: 0.0,
                last: 0.0,
            },
            in_flight: 0,
        }
    }

    pub(super) fn leave(&self, now: Instant) -> Leave {
        // One at a time shows as well as many that the other side still fails.
        if self.streak > 0 && self.in_flight > 0 {
            return Leave::AfterOthers;
        }
        let paced = self.rate.as_ref().map(|rate| rate.free_at);
        match paced.max(self.paused_until) {
            Some(at) if at > now => Leave::At(at),
            _ => Leave::Yes,
        }
    }

    /// A batch of `bytes` starts.
    pub(super) fn started(&mut self, bytes: usize, now: Instant) {
        self.in_flight += 1;
        self.raise(now);
        if let Some(rate) = &mut self.rate {
            let takes = Duration::from_secs_f64(bytes as f64 / rate.bytes_per_second);
            rate.free_at = rate.free_at.max(now) + takes.min(Duration::from_secs(60));
        }
    }

    /// It ended in any way; one of the following says in which.
    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The other side took, or refused for good, what it was given: it works.
    pub(super) fn succeeded(&mut self, bytes: usize, now: Instant) {
        self.streak = 0;
        self.paused_until = None;
        self.flow.add(bytes, now);
    }

    /// The other side failed; says how long to leave it alone.
    pub(super) fn failed(
        &mut self,
        backoff: Backoff,
        wait: Option<Duration>,
        random: u64,
        now: Instant,
    ) -> Duration {
        self.streak = self.streak.saturating_add(1);
        let pause = backoff
            .delay(self.streak, random)
            .max(wait.unwrap_or_default());
        self.paused_until = self.paused_until.max(later(now, pause));
        pause
    }

    /// The other side is at its limit.
    pub(super) fn throttled(&mut self, bytes: usize, wait: Option<Duration>, now: Instant) {
        self.raise(now);
        let flow = self.flow.per_second(now);
        let current = match self.rate {
            // Several refusals of what was under way at once count as one.
            Some(rate) if now.duration_since(rate.refused) < WINDOW / 2 => {
                rate.bytes_per_second / DECREASE
            }
            Some(rate) if flow > 0.0 => rate.bytes_per_second.min(flow),
            Some(rate) => rate.bytes_per_second,
            None if flow > 0.0 => flow,
            None => bytes as f64,
        };
        let bytes_per_second = (current * DECREASE).max(LEAST_RATE);
        let takes = Duration::from_secs_f64(bytes as f64 / bytes_per_second);
        let free_at = now
            + takes
                .max(wait.unwrap_or_default())
                .min(Duration::from_secs(60));
        self.rate = Some(Rate {
            bytes_per_second,
            base: current,
            refused: now,
            raised: now,
            free_at: self.rate.map_or(free_at, |rate| rate.free_at.max(free_at)),
        });
        // It did answer.
        self.streak = 0;
    }

    /// Forgets the pause, for a last attempt before the end; keeps the rate.
    pub(super) fn hurry(&mut self) {
        self.paused_until = None;
        self.streak = 0;
    }

    /// Lets the rate grow with the time since the last change.
    fn raise(&mut self, now: Instant) {
        let Some(rate) = &mut self.rate else { return };
        let seconds = now.duration_since(rate.raised).as_secs_f64();
        let grown = rate.bytes_per_second + rate.base * INCREASE_PER_SECOND * seconds;
        if grown > rate.base * FORGET {
            self.rate = None;
        } else if seconds > 0.1 {
            rate.bytes_per_second = grown;
            rate.raised = now;
        }
    }
}

impl Flow {
    fn add(&mut self, bytes: usize, now: Instant) {
        self.turn(now);
        self.bytes += bytes as f64;
    }

    fn turn(&mut self, now: Instant) {
        let age = now.duration_since(self.since);
        if age >= WINDOW {
            self.last = self.bytes / age.as_secs_f64();
            self.bytes = 0.0;
            self.since = now;
        }
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        self.turn(now);
        self.last.max(self.bytes)
    }
}

/// `None` where the clock does not reach that far, which is as good as no time at all.
fn later(now: Instant, by: Duration) -> Option<Instant> {
    now.checked_add(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MB: usize = 1 << 20;

    fn pace() -> (Pace, Instant) {
        let now = Instant::now();
        (Pace::new(now), now)
    }

    #[test]
    fn nothing_holds_a_working_side_back() {
        let (mut pace, now) = pace();
        for _ in 0..100 {
            assert_eq!(pace.leave(now), Leave::Yes);
            pace.started(MB, now);
        }
    }

    #[test]
    fn a_failing_side_is_tried_one_at_a_time_after_growing_pauses() {
        let (mut pace, now) = pace();
        let backoff = Backoff::new(SECOND, 60 * SECOND);
        for (streak, pause) in [(1, SECOND), (2, 2 * SECOND), (3, 4 * SECOND)] {
            pace.started(MB, now);
            pace.ended();
            assert_eq!(pace.failed(backoff, None, u64::MAX, now), pause);
            assert_eq!(pace.streak, streak);
            assert_eq!(pace.leave(now), Leave::At(now + pause));
            assert_eq!(pace.leave(now + pause), Leave::Yes);
        }
        pace.started(MB, now);
        assert_eq!(pace.leave(now + 60 * SECOND), Leave::AfterOthers);
        pace.ended();
        pace.succeeded(MB, now);
        assert_eq!(pace.leave(now), Leave::Yes);
    }

    #[test]
    fn a_wish_for_a_longer_pause_is_granted() {
        let (mut pace, now) = pace();
        let backoff = Backoff::new(SECOND, SECOND);
        assert_eq!(pace.failed(backoff, Some(9 * SECOND), 0, now), 9 * SECOND);
        assert_eq!(pace.leave(now), Leave::At(now + 9 * SECOND));
    }

    #[test]
    fn a_refusal_for_load_halves_what_went_through() {
        let (mut pace, start) = pace();
        let mut now = start;
        for _ in 0..20 {
            pace.succeeded(MB, now);
            now += SECOND / 10;
        }
        pace.throttled(MB, None, now);
        let rate = pace.rate.unwrap().bytes_per_second / MB as f64;
        assert!((4.0..6.0).contains(&rate), "{rate} MB/s after 10 MB/s");
    }

    #[test]
    fn refusals_of_one_moment_count_once() {
        let (mut pace, now) = pace();
        pace.succeeded(8 * MB, now);
        let now = now + SECOND;
        pace.throttled(MB, None, now);
        let once = pace.rate.unwrap().bytes_per_second;
        for _ in 0..5 {
            pace.throttled(MB, None, now);
        }
        assert_eq!(pace.rate.unwrap().bytes_per_second, once);
    }

    #[test]
    fn the_rate_recovers_and_is_forgotten() {
        let (mut pace, start) = pace();
        pace.succeeded(8 * MB, start);
        let mut now = start + SECOND;
        pace.throttled(MB, None, now);
        let least = pace.rate.unwrap().bytes_per_second;
        now += 10 * SECOND;
        pace.started(1, now);
        let later = pace.rate.unwrap().bytes_per_second;
        assert!(later > least * 1.5, "{least} {later}");
        now += 100 * SECOND;
        pace.started(1, now);
        assert!(pace.rate.is_none());
    }

    // A server with a quota: it takes so many bytes a second and refuses the rest.
    #[test]
    fn most_of_a_quota_is_used_and_few_attempts_are_refused() {
        let (mut pace, start) = pace();
        let quota = 5.0 * MB as f64;
        let step = SECOND / 200;
        let (mut now, mut taken, mut refused, mut delivered) = (start, 0.0, 0u32, 0u32);
        for tick in 0..200 * 60 {
            if tick % 200 == 0 {
                taken = 0.0;
            }
            now += step;
            if pace.leave(now) == Leave::Yes {
                pace.started(MB / 2, now);
                pace.ended();
                if taken + (MB / 2) as f64 <= quota {
                    taken += (MB / 2) as f64;
                    delivered += 1;
                    pace.succeeded(MB / 2, now);
                } else {
                    refused += 1;
                    pace.throttled(MB / 2, None, now);
                }
            }
        }
        // 600 halves of a megabyte fit through in a minute.
        assert!(delivered > 350, "{delivered} delivered");
        assert!(refused < 60, "{refused} refused beside {delivered}");
    }
}
