//! How fast the other side can be fed: pauses while it fails, a rate while it refuses for load.
//!
//! A quota counts requests as well as bytes, and does not say which of them was too much. So a
//! rate is one of *cost*: a request costs its bytes and [`REQUEST`], which is what the two quotas
//! of a shard make of each other. Tiny batches are paced by their number, large ones by their
//! bytes, and what was learned from the ones holds for the others.
//!
//! Arithmetic only; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::Backoff;

/// What a request costs beside its bytes: a shard takes 5 MB or 500 requests in a second.
const REQUEST: f64 = 10.0 * 1024.0;
/// After a refusal the rate falls to this part of what was going through.
const DECREASE: f64 = 0.5;
/// Every second without a refusal adds this part of the rate at the last refusal,
const INCREASE_PER_SECOND: f64 = 0.05;
/// and no less than this, so that who sent little is not slow for long.
const LEAST_INCREASE: f64 = 32.0 * 1024.0;
/// The rate at which the limit is forgotten, as a multiple of the rate at the last refusal,
const FORGET: f64 = 4.0;
/// and no less than this.
const LEAST_FORGET: f64 = 1024.0 * 1024.0;
/// The least rate that a refusal leaves: a small request each second.
const LEAST_RATE: f64 = REQUEST;
/// The longest that one batch holds up the next.
const MOST_PACED: Duration = Duration::from_secs(60);
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
    /// How many of those were under way at the last refusal: what becomes of them says nothing new.
    old: usize,
    /// Whether the one that has just ended was such a one.
    ended_old: bool,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    /// Cost per second.
    per_second: f64,
    /// The rate at the last refusal.
    base: f64,
    refused: Instant,
    raised: Instant,
    /// When what was sent so far has been paid for.
    free_at: Instant,
}

/// Cost per second of what went through lately.
#[derive(Debug, Clone, Copy)]
struct Flow {
    since: Instant,
    cost: f64,
    last: f64,
}

/// What a batch takes of a quota.
fn cost(bytes: usize) -> f64 {
    bytes as f64 + REQUEST
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
                cost: 0.0,
                last: 0.0,
            },
            in_flight: 0,
            old: 0,
            ended_old: false,
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
            let from = rate.free_at.max(now);
            rate.free_at = from + rate.takes(bytes, from);
        }
    }

    /// It ended in any way; one of the following says in which.
    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.ended_old = self.old > 0;
        self.old = self.old.saturating_sub(1);
    }

    /// The other side took, or refused for good, what it was given: it works.
    pub(super) fn succeeded(&mut self, bytes: usize, now: Instant) {
        self.streak = 0;
        self.paused_until = None;
        self.flow.add(cost(bytes), now);
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
            // Several refusals of what was under way at once count as one, and so do those of a
            // moment: a quota that is used up stays so until its second is over. Not when nothing
            // goes through at all.
            Some(rate) if self.ended_old || (flow > 0.0 && rate.is_new(now)) => {
                rate.per_second / DECREASE
            }
            Some(rate) if flow > 0.0 => rate.per_second.min(flow),
            Some(rate) => rate.per_second,
            None if flow > 0.0 => flow,
            None => cost(bytes),
        };
        let mut rate = Rate {
            per_second: (current * DECREASE).max(LEAST_RATE),
            base: current,
            refused: now,
            raised: now,
            free_at: now,
        };
        let wait = wait.unwrap_or_default().min(MOST_PACED);
        let free_at = now + rate.takes(bytes, now).max(wait);
        rate.free_at = self.rate.map_or(free_at, |rate| rate.free_at.max(free_at));
        self.rate = Some(rate);
        if !self.ended_old {
            self.old = self.in_flight;
        }
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
        let grown = rate.at(now);
        if grown > (rate.base * FORGET).max(LEAST_FORGET) {
            self.rate = None;
        } else if now.duration_since(rate.raised) > WINDOW / 10 {
            rate.per_second = grown;
            rate.raised = now;
        }
    }
}

impl Rate {
    /// What it gains in a second without a refusal.
    fn gain(&self) -> f64 {
        (self.base * INCREASE_PER_SECOND).max(LEAST_INCREASE)
    }

    fn is_new(&self, now: Instant) -> bool {
        now.duration_since(self.refused) < WINDOW / 2
    }

    fn at(&self, time: Instant) -> f64 {
        let seconds = time.duration_since(self.raised).as_secs_f64();
        self.per_second + self.gain() * seconds
    }

    /// How long it takes from a time on until a batch is paid for, at a rate that grows meanwhile.
    fn takes(&self, bytes: usize, from: Instant) -> Duration {
        let (rate, gain) = (self.at(from), self.gain());
        // The smaller of the roots of gain / 2 * t^2 + rate * t - cost, which is above zero.
        let seconds = ((rate * rate + 2.0 * gain * cost(bytes)).sqrt() - rate) / gain;
        Duration::try_from_secs_f64(seconds).map_or(MOST_PACED, |takes| takes.min(MOST_PACED))
    }
}

impl Flow {
    fn add(&mut self, cost: f64, now: Instant) {
        self.turn(now);
        self.cost += cost;
    }

    fn turn(&mut self, now: Instant) {
        let age = now.duration_since(self.since);
        if age >= WINDOW {
            self.last = self.cost / age.as_secs_f64();
            self.cost = 0.0;
            self.since = now;
        }
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        self.turn(now);
        self.last.max(self.cost)
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
        let rate = pace.rate.unwrap().per_second / MB as f64;
        assert!((4.0..6.0).contains(&rate), "{rate} MB/s after 10 MB/s");
    }

    #[test]
    fn refusals_of_one_moment_count_once() {
        for something_went_through in [true, false] {
            let (mut pace, now) = pace();
            if something_went_through {
                pace.succeeded(8 * MB, now);
            }
            let now = now + SECOND;
            for _ in 0..6 {
                pace.started(MB, now);
            }
            let mut rates = Vec::new();
            for _ in 0..6 {
                pace.ended();
                pace.throttled(MB, None, now);
                rates.push(pace.rate.unwrap().per_second);
            }
            assert!(rates.iter().all(|rate| *rate == rates[0]), "{rates:?}");
            // What was started afterwards counts, when it is not of the same moment.
            let later = now + SECOND;
            pace.started(MB, later);
            pace.ended();
            pace.throttled(MB, None, later);
            assert!(pace.rate.unwrap().per_second < rates[0]);
        }
    }

    #[test]
    fn the_rate_recovers_and_is_forgotten() {
        let (mut pace, start) = pace();
        pace.succeeded(8 * MB, start);
        let mut now = start + SECOND;
        pace.throttled(MB, None, now);
        let least = pace.rate.unwrap().per_second;
        now += 10 * SECOND;
        pace.started(1, now);
        let later = pace.rate.unwrap().per_second;
        assert!(later > least * 1.5, "{least} {later}");
        now += 100 * SECOND;
        pace.started(1, now);
        assert!(pace.rate.is_none());
    }

    /// A server with quotas per second, and somebody who always has batches of a size for it.
    struct Quota {
        bytes: usize,
        requests: u32,
    }

    /// How many batches went through, and how many attempts were refused.
    fn feed(pace: &mut Pace, quota: &Quota, batch: usize, seconds: u32) -> (u32, u32) {
        let steps = 1000;
        let mut now = Instant::now();
        let (mut delivered, mut refused) = (0, 0);
        for _ in 0..seconds {
            let (mut bytes, mut requests) = (quota.bytes, quota.requests);
            for _ in 0..steps {
                now += SECOND / steps;
                if pace.leave(now) != Leave::Yes {
                    continue;
                }
                pace.started(batch, now);
                pace.ended();
                if bytes >= batch && requests >= 1 {
                    bytes -= batch;
                    requests -= 1;
                    delivered += 1;
                    pace.succeeded(batch, now);
                } else {
                    refused += 1;
                    pace.throttled(batch, None, now);
                }
            }
        }
        (delivered, refused)
    }

    const SHARD: Quota = Quota {
        bytes: 5 * MB,
        requests: 500,
    };

    #[test]
    fn most_of_a_quota_is_used_and_few_attempts_are_refused() {
        for (batch, most) in [(MB / 2, 10), (MB, 5), (100 << 10, 51), (100, 500), (0, 500)] {
            let (mut pace, _) = pace();
            let (delivered, refused) = feed(&mut pace, &SHARD, batch, 60);
            let most = most * 60;
            assert!(
                delivered > most * 59 / 100,
                "{delivered} of {most} of {batch} bytes"
            );
            assert!(
                refused < delivered / 10,
                "{refused} beside {delivered} of {batch} bytes"
            );
        }
    }

    #[test]
    fn a_side_that_refuses_everything_is_asked_few_times_a_second() {
        let none = Quota {
            bytes: 0,
            requests: 0,
        };
        for batch in [0, 100, 10_000] {
            let (mut pace, _) = pace();
            let (_, refused) = feed(&mut pace, &none, batch, 60);
            assert!((20..150).contains(&refused), "{refused} of {batch} bytes");
        }
        let (mut pace, _) = pace();
        let (_, refused) = feed(&mut pace, &none, MB, 60);
        assert!((5..20).contains(&refused), "{refused} of a megabyte");
    }

    #[test]
    fn refusals_of_tiny_batches_do_not_hold_up_large_ones_for_long() {
        let (mut pace, start) = pace();
        let mut now = start;
        for _ in 0..20 {
            pace.started(100, now);
            pace.ended();
            pace.throttled(100, None, now);
            now += SECOND;
        }
        // Ten megabytes, once they are taken again.
        let begun = now;
        for _ in 0..10 {
            if let Leave::At(at) = pace.leave(now) {
                now = at;
            }
            pace.started(MB, now);
            pace.ended();
            pace.succeeded(MB, now);
        }
        let passed = now - begun;
        assert!(passed < 30 * SECOND, "{passed:?}");
    }

    #[test]
    fn refusals_of_large_batches_leave_room_for_many_tiny_ones() {
        let (mut pace, start) = pace();
        let mut now = start;
        for _ in 0..10 {
            pace.started(MB, now);
            pace.ended();
            pace.succeeded(MB, now);
            now += SECOND / 5;
        }
        pace.throttled(MB, None, now);
        if let Leave::At(at) = pace.leave(now) {
            now = at;
        }
        let mut sent = 0;
        let end = now + SECOND;
        while pace.leave(end) == Leave::Yes {
            pace.started(100, now);
            pace.ended();
            sent += 1;
        }
        // Half of what five megabytes are worth in requests.
        assert!((150..400).contains(&sent), "{sent}");
    }
}
