use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use sls_consumer::TaskFuture;

/// Stops every task of a worker at once, as SIGSTOP does, and lets all go on.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Shut>>);

#[derive(Debug, Default)]
struct Shut {
    is_shut: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    /// The task, polled only while the gate is open.
    pub(super) fn guard(&self, mut task: TaskFuture) -> TaskFuture {
        let gate = self.clone();
        Box::pin(poll_fn(move |cx| {
            let is_shut = gate.with(|shut| {
                if shut.is_shut {
                    shut.waiting.push(cx.waker().clone());
                }
                shut.is_shut
            });
            match is_shut {
                true => Poll::Pending,
                false => task.as_mut().poll(cx),
            }
        }))
    }

    pub(super) fn shut(&self) {
        self.with(|shut| shut.is_shut = true);
    }

    pub(super) fn open(&self) {
        let waiting = self.with(|shut| {
            shut.is_shut = false;
            std::mem::take(&mut shut.waiting)
        });
        waiting.into_iter().for_each(Waker::wake);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shut) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
