//! Processor time, and the comparison of two ways to do the same.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// How long one side of one round runs, about.
const SLICE: Duration = Duration::from_millis(25);

/// Rounds of a comparison; the median of their ratios counts.
pub(crate) const ROUNDS: usize = 15;

/// Processor time of this process, its threads in the kernel included.
///
/// Time that other processes take from this one does not count.
pub(crate) fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        tv_sec.try_into().unwrap_or(0),
        tv_nsec.try_into().unwrap_or(0),
    )
}

/// One of the two that are compared.
pub(crate) trait Side {
    /// Does the work so often and says how many seconds of processor time that took.
    fn run(&mut self, times: u32) -> f64;
}

/// Work in this process.
impl<F: FnMut() -> usize> Side for F {
    fn run(&mut self, times: u32) -> f64 {
        let before = cpu_time();
        for _ in 0..times {
            black_box(self());
        }
        cpu_time().saturating_sub(before).as_secs_f64()
    }
}

/// How many times the time of `ours` the time of `theirs` is: above 1, ours is faster.
///
/// Both run in every round, in turns first, as often as fits a slice; the ratio is taken
/// inside the round, where both meet the same neighbours on the machine.
pub(crate) fn speedup(ours: &mut dyn Side, theirs: &mut dyn Side) -> f64 {
    let times_ours = times(ours);
    let times_theirs = times(theirs);
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let (ours, theirs) = if round % 2 == 0 {
                let ours = once(ours, times_ours);
                (ours, once(theirs, times_theirs))
            } else {
                let theirs = once(theirs, times_theirs);
                (once(ours, times_ours), theirs)
            };
            theirs / ours
        })
        .collect();
    median(&mut ratios)
}

/// How often the work fits a slice; warms it up, too.
fn times(side: &mut dyn Side) -> u32 {
    side.run(1);
    let mut times = 1;
    loop {
        let spent = side.run(times);
        if spent >= SLICE.as_secs_f64() / 4.0 {
            let fit = SLICE.as_secs_f64() / spent * f64::from(times);
            return fit.ceil().max(1.0) as u32;
        }
        times *= 2;
    }
}

/// Seconds for doing the work once, as the average of so many times.
fn once(side: &mut dyn Side, times: u32) -> f64 {
    // The clock has a resolution; nothing is free.
    side.run(times).max(1e-9) / f64::from(times)
}

/// The middle one.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
