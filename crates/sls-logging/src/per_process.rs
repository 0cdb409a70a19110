use std::sync::{Mutex, PoisonError};

use telemetry_delivery::batch::{fork_epoch, watch_forks};

/// How many processes in a row may be forked off each other before two share a lock.
const GENERATIONS: usize = 64;

/// A value behind a lock, and in each process that is forked off a new one.
///
/// The lock of the process that this one was forked off may be held for ever here: the thread
/// that would let go of it was not copied. So each generation has its own.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(Box<[Mutex<Kept<T>>]>);

#[derive(Debug, Default)]
struct Kept<T> {
    epoch: u64,
    value: T,
}

impl<T: Default> PerProcess<T> {
    /// Has forks counted from now on.
    pub(crate) fn new() -> Self {
        watch_forks();
        Self((0..GENERATIONS).map(|_| Mutex::default()).collect())
    }

    /// Lends the value of this process to `f`, once nobody else has it.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let epoch = fork_epoch();
        let lock = &self.0[epoch as usize % GENERATIONS];
        // Whoever panicked left nothing that matters now.
        let mut kept = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.epoch != epoch {
            *kept = Kept {
                epoch,
                value: T::default(),
            };
        }
        f(&mut kept.value)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::process;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Runs `child` in a process of its own, which ends itself should it hang.
    fn succeeds(child: impl FnOnce() -> bool) -> bool {
        match fork::fork().unwrap() {
            fork::Fork::Parent(id) => fork::waitpid(id).unwrap() == 0,
            fork::Fork::Child => {
                let (done, is_done) = mpsc::channel();
                thread::spawn(move || {
                    if is_done.recv_timeout(Duration::from_secs(30)).is_err() {
                        process::exit(3);
                    }
                });
                let good = child();
                let _ = done.send(());
                process::exit(i32::from(!good))
            }
        }
    }

    #[test]
    fn a_child_does_not_wait_for_what_a_thread_of_its_parent_holds() {
        let counts = PerProcess::<u32>::new();
        let (hold, is_held) = mpsc::channel();
        let (let_go, is_over) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let counts = &counts;
            scope.spawn(move || {
                counts.with(|count| {
                    *count = 7;
                    hold.send(()).unwrap();
                    is_over.recv().unwrap();
                });
            });
            is_held.recv().unwrap();
            let child = succeeds(|| {
                counts.with(|count| {
                    *count += 1;
                    *count == 1
                })
            });
            let_go.send(()).unwrap();
            assert!(child);
        });
        assert_eq!(counts.with(|count| *count), 7);
    }
}
