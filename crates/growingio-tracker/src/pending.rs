use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Something that is under way on the tracker's thread: `.await` it, or [`wait`](Self::wait).
///
/// It is a future for any runtime and needs none.
///
/// # Cancel safety
/// What is dropped before it is ready has been given up: a message that was to be sent at once
/// may have arrived or not, one that was taken into a buffer stays there.
#[must_use = "nothing is certain before it was awaited or waited for"]
pub struct Pending<T> {
    state: State<T>,
}

enum State<T> {
    Ready(Option<T>),
    Waiting {
        answer: oneshot::Receiver<T>,
        /// What it comes to when the thread is gone.
        gone: Option<Box<dyn FnOnce() -> T + Send>>,
    },
}

impl<T> Pending<T> {
    /// It has happened already.
    pub fn ready(value: T) -> Self {
        Self {
            state: State::Ready(Some(value)),
        }
    }

    pub(crate) fn waiting(
        answer: oneshot::Receiver<T>,
        gone: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        Self {
            state: State::Waiting {
                answer,
                gone: Some(Box::new(gone)),
            },
        }
    }

    /// Blocks this thread until it is ready.
    ///
    /// Not for use on a thread of a runtime that was given to the tracker.
    pub fn wait(mut self) -> T {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(value) = Pin::new(&mut self).poll(&mut context) {
                return value;
            }
            std::thread::park();
        }
    }

    /// Blocks this thread until it is ready, but no longer than this; `None` when it is not.
    ///
    /// As [`wait`](Self::wait) otherwise.
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread that blocks has no other clock"
    )]
    pub fn wait_at_most(mut self, limit: Duration) -> Option<T> {
        let began = Instant::now();
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(value) = Pin::new(&mut self).poll(&mut context) {
                return Some(value);
            }
            std::thread::park_timeout(limit.checked_sub(began.elapsed())?);
        }
    }

    /// The value, when it is there already.
    pub fn try_ready(&mut self) -> Option<T> {
        match Pin::new(self).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}

/// # Panics
/// When it is polled again after it was ready.
impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.state {
            State::Ready(value) => Poll::Ready(value.take().expect("polled after it was ready")),
            State::Waiting { answer, gone } => match Pin::new(answer).poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(answer) => {
                    let gone = gone.take();
                    self.state = State::Ready(None);
                    Poll::Ready(
                        answer.unwrap_or_else(|_| gone.expect("taken once, when it is ready")()),
                    )
                }
            },
        }
    }
}

impl<T> Unpin for Pending<T> {}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Ready(_) => "Pending(ready)",
            State::Waiting { .. } => "Pending(waiting)",
        })
    }
}

/// Wakes a thread that blocks.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_runtime_can_wait() {
        let (tell, answer) = oneshot::channel();
        let pending = Pending::waiting(answer, || 0);
        let thread = std::thread::spawn(move || tell.send(7));
        assert_eq!(pending.wait(), 7);
        thread.join().unwrap().unwrap();
        assert_eq!(Pending::ready(8).wait(), 8);
    }

    #[tokio::test]
    async fn a_runtime_can_await_it() {
        let (tell, answer) = oneshot::channel();
        let mut pending = Pending::waiting(answer, || 0);
        assert_eq!(pending.try_ready(), None);
        tell.send(7).unwrap();
        assert_eq!(pending.await, 7);
    }

    #[test]
    fn a_thread_that_is_gone_does_not_leave_anybody_waiting() {
        let (tell, answer) = oneshot::channel::<i32>();
        drop(tell);
        assert_eq!(Pending::waiting(answer, || -1).wait(), -1);
    }
}
