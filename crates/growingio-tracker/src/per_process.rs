use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A value of which every process has its own: a child that was forked makes another.
///
/// What waits in the parent is the parent's to send.
pub(crate) struct PerProcess<T> {
    make: Box<dyn Fn() -> T + Send + Sync>,
    // Held for a moment at a time, never across an await.
    made: Mutex<(u32, Arc<T>)>,
}

impl<T> PerProcess<T> {
    pub(crate) fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let made = (std::process::id(), Arc::new(make()));
        Self {
            make: Box::new(make),
            made: Mutex::new(made),
        }
    }

    pub(crate) fn get(&self) -> Arc<T> {
        self.get_in(std::process::id())
    }

    fn get_in(&self, process: u32) -> Arc<T> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != process {
            *made = (process, Arc::new((self.make)()));
        }
        Arc::clone(&made.1)
    }
}

impl<T: fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
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
    }
}
