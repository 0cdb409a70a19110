use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use rustix::time::{ClockId, clock_gettime};

use super::loggers::Logger;

/// Calls before it counts, with which a thread gets what it keeps.
const WARM_UP: u64 = 200;

/// Calls the logger from several threads at once; nanoseconds of processor time for a call.
///
/// Only the callers' own time counts, so it does not matter how many cores there are for them,
/// nor what else runs on those.
pub(super) fn run(logger: &Logger, threads: usize, calls: u64) -> f64 {
    let barrier = Barrier::new(threads);
    let call = &logger.call;
    let call_all = || {
        for order in 0..WARM_UP {
            call(order);
        }
        barrier.wait();
        let before = thread_nanos();
        for order in 0..calls {
            call(black_box(order));
        }
        thread_nanos() - before
    };
    let spent: f64 = thread::scope(|scope| {
        let callers: Vec<_> = (0..threads).map(|_| scope.spawn(call_all)).collect();
        let times = callers.into_iter().map(|caller| caller.join());
        times.map(|time| time.expect("no panic")).sum()
    });
    (logger.flush)();
    spent / threads as f64 / calls as f64
}

fn thread_nanos() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}
