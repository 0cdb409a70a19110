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
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
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
