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
fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        tv_sec.try_into().unwrap_or(0),
        tv_nsec.try_into().unwrap_or(0),
    )
}

/// One way to do the work.
pub(crate) type Work<'a> = &'a mut dyn FnMut() -> usize;

/// How many times the time of `ours` the time of `theirs` is: above 1, ours is faster.
///
/// Both run in every round, in turns first, as often as fits a slice; the ratio is taken
/// inside the round, where both meet the same neighbours on the machine.
pub(crate) fn speedup(ours: Work<'_>, theirs: Work<'_>) -> f64 {
    let repeat_ours = repetitions(ours);
    let repeat_theirs = repetitions(theirs);
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let (ours, theirs) = if round % 2 == 0 {
                let ours = time(ours, repeat_ours);
                (ours, time(theirs, repeat_theirs))
            } else {
                let theirs = time(theirs, repeat_theirs);
                (time(ours, repeat_ours), theirs)
            };
            theirs / ours
        })
        .collect();
    median(&mut ratios)
}

/// How often the work fits a slice; warms it up, too.
fn repetitions(work: Work<'_>) -> u32 {
    black_box(work());
    let mut repeat = 1;
    loop {
        let once = time(work, repeat);
        if once * f64::from(repeat) >= SLICE.as_secs_f64() / 4.0 {
            return (SLICE.as_secs_f64() / once).ceil().max(1.0) as u32;
        }
        repeat *= 2;
    }
}

/// Seconds for one repetition.
fn time(work: Work<'_>, repeat: u32) -> f64 {
    let before = cpu_time();
    for _ in 0..repeat {
        black_box(work());
    }
    let spent = cpu_time().saturating_sub(before);
    // The clock has a resolution; nothing is free.
    spent.as_secs_f64().max(1e-9) / f64::from(repeat)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
