use std::fs;
use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

use super::Paced;
use super::loggers::Logger;

/// Calls the logger once in every gap.
///
/// In between the thread is busy, as that of a service is; what is late is not made up for.
pub(super) fn run(logger: &Logger, gap_ns: u64, calls: usize) -> Paced {
    let gap = Duration::from_nanos(gap_ns);
    let mut nanos = Vec::with_capacity(calls);
    let slept = times_others_slept();
    let mut due = Instant::now();
    for order in 0..calls as u64 {
        due += gap;
        let mut now = Instant::now();
        due = due.max(now);
        while now < due {
            spin_loop();
            now = Instant::now();
        }
        let order = black_box(order);
        let before = Instant::now();
        (logger.call)(order);
        nanos.push(before.elapsed().as_nanos() as f64);
    }
    let slept = times_others_slept() - slept;
    (logger.flush)();
    nanos.sort_by(f64::total_cmp);
    Paced {
        p50: middle(&nanos),
        p9999: nanos[(calls as f64 * 0.9999) as usize],
        wakes: slept as f64 / calls as f64,
        dropped: (logger.dropped)() as f64,
    }
}

/// The mean of the middle half, since the clock counts in steps of ten nanoseconds or more.
fn middle(sorted: &[f64]) -> f64 {
    let quarter = sorted.len() / 4;
    let middle = &sorted[quarter..sorted.len() - quarter];
    middle.iter().sum::<f64>() / middle.len() as f64
}

/// How often the process's other threads have gone to sleep so far, which each of them does
/// again after it was woken.
fn times_others_slept() -> u64 {
    let Ok(own) = fs::read_link("/proc/thread-self") else {
        return 0;
    };
    let threads = fs::read_dir("/proc/self/task").expect("the threads of this process");
    threads
        .flatten()
        .filter(|thread| Some(thread.file_name().as_os_str()) != own.file_name())
        .filter_map(|thread| {
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}
