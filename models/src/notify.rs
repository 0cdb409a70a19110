//! Stands in for what wakes the worker, with one permit as the real one has it.

use loom::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(crate) struct Notify {
    permit: Mutex<bool>,
    given: Condvar,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        *self.permit.lock().unwrap() = true;
        self.given.notify_one();
    }

    /// Blocks until there is a permit, and takes it.
    pub(crate) fn wait(&self) {
        let mut permit = self.permit.lock().unwrap();
        while !*permit {
            permit = self.given.wait(permit).unwrap();
        }
        *permit = false;
    }
}
