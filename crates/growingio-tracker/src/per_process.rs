use std::fmt;
use std::sync::{Arc, OnceLock};

/// A value of which every process has its own: a child that was forked makes another.
///
/// What waits in the parent is the parent's to send. No lock is taken to get at the value: at
/// the time of a fork another thread may hold any lock, and nobody in the child would ever
/// release it. For the same reason a child leaves the values of its ancestors alone, to the
/// point of not dropping them.
pub(crate) struct PerProcess<T> {
    make: Box<dyn Fn() -> T + Send + Sync>,
    own: Own<T>,
}

/// The value of one process, and that of the child which came out of it.
struct Own<T> {
    process: u32,
    /// Taken only to be dropped.
    value: Option<Arc<T>>,
    child: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    pub(crate) fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let own = Own::new(std::process::id(), make());
        Self {
            make: Box::new(make),
            own,
        }
    }

    pub(crate) fn get(&self) -> Arc<T> {
        self.get_in(std::process::id())
    }

    fn get_in(&self, process: u32) -> Arc<T> {
        let mut own = &self.own;
        loop {
            match &own.value {
                Some(value) if own.process == process => return Arc::clone(value),
                _ => {
                    let made = || Box::new(Own::new(process, (self.make)()));
                    own = own.child.get_or_init(made);
                }
            }
        }
    }
}

impl<T> Own<T> {
    fn new(process: u32, value: T) -> Self {
        Self {
            process,
            value: Some(Arc::new(value)),
            child: OnceLock::new(),
        }
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_process_has_a_value_of_its_own_and_keeps_it() {
        let values = PerProcess::new(|| Mutex::new(0));
        let parent = values.get();
        *parent.lock().unwrap() = 7;
        assert!(Arc::ptr_eq(&parent, &values.get()));
        let child = std::process::id() + 1;
        assert_eq!(*values.get_in(child).lock().unwrap(), 0);
        assert!(Arc::ptr_eq(&values.get_in(child), &values.get_in(child)));
        let grandchild = child + 1;
        assert!(!Arc::ptr_eq(
            &values.get_in(child),
            &values.get_in(grandchild)
        ));
    }

    /// A lock that another thread held at the time of the fork was never released in the child.
    #[cfg(unix)]
    #[test]
    fn a_child_gets_its_own_while_other_threads_get_theirs() {
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::sync::mpsc;
        use std::thread;
        use std::time::Duration;

        use fork::{Fork, fork, waitpid};

        let values = PerProcess::new(std::process::id);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        values.get();
                    }
                });
            }
            let statuses: Vec<_> = (0..50)
                .map(|_| match fork().unwrap() {
                    Fork::Parent(child) => waitpid(child).unwrap(),
                    Fork::Child => {
                        let (done, is_done) = mpsc::channel::<()>();
                        thread::spawn(move || {
                            if is_done.recv_timeout(Duration::from_secs(20)).is_err() {
                                std::process::exit(1);
                            }
                        });
                        let own = *values.get();
                        let _ = done.send(());
                        std::process::exit(i32::from(own != std::process::id()))
                    }
                })
                .collect();
            stop.store(true, Ordering::Relaxed);
            assert_eq!(statuses, [0; 50]);
        });
    }

    #[test]
    fn a_process_drops_its_own_value_and_no_other() {
        let values = PerProcess::new(|| ());
        let own = values.get();
        let of_another = values.get_in(std::process::id() + 1);
        drop(values);
        assert_eq!(Arc::strong_count(&own), 1);
        assert_eq!(Arc::strong_count(&of_another), 2);
    }
}
