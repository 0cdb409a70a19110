use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use super::StorageError;

/// Called once, on any thread, with what came of a write. Must not block.
pub(crate) type Done = Box<dyn FnOnce(Result<(), StorageError>) + Send>;

type Settled = oneshot::Receiver<Result<(), StorageError>>;

/// The promise to say what came of a write, or of several.
#[derive(Debug)]
pub(crate) struct Receipt {
    first: Settled,
    /// Mostly none.
    rest: Vec<Settled>,
}

impl Receipt {
    /// A receipt, and what settles it after `first` has looked at the result.
    pub(crate) fn new(
        first: impl FnOnce(&Result<(), StorageError>) + Send + 'static,
    ) -> (Self, Done) {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result| {
            first(&result);
            // Nobody waits any more when the client has gone.
            let _ = sender.send(result);
        });
        let receipt = Self {
            first: receiver,
            rest: Vec::new(),
        };
        (receipt, done)
    }

    /// The promise to say what came of both: success when both succeeded.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.rest.push(other.first);
        self.rest.extend(other.rest);
        self
    }

    /// Returns what came of the write.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing about the write.
    pub(crate) async fn settled(self) -> Result<(), StorageError> {
        // A write that nobody answers for was dropped with the storage.
        let mut result = self.first.await.unwrap_or(Err(StorageError::Closed));
        for settled in self.rest {
            let next = settled.await.unwrap_or(Err(StorageError::Closed));
            result = result.and(next);
        }
        result
    }

    /// The same on this thread, which needs no runtime and may belong to one.
    pub(crate) fn wait(self) -> Result<(), StorageError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut settled = pin!(self.settled());
        loop {
            match settled.as_mut().poll(&mut context) {
                Poll::Ready(result) => return result,
                Poll::Pending => thread::park(),
            }
        }
    }
}

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
    fn several_writes_are_safe_when_the_last_of_them_is() {
        let (first, settle_first) = Receipt::new(|_| {});
        let (second, settle_second) = Receipt::new(|_| {});
        let (third, settle_third) = Receipt::new(|_| {});
        let all = first.and(second.and(third));
        settle_third(Ok(()));
        settle_first(Ok(()));
        let mut settled = pin!(all.settled());
        let mut context = Context::from_waker(Waker::noop());
        assert!(settled.as_mut().poll(&mut context).is_pending());
        settle_second(Ok(()));
        assert!(matches!(
            settled.as_mut().poll(&mut context),
            Poll::Ready(Ok(()))
        ));
    }

    #[test]
    fn one_write_that_failed_is_a_failure_of_all() {
        for failing in 0..2 {
            let (first, settle_first) = Receipt::new(|_| {});
            let (second, settle_second) = Receipt::new(|_| {});
            let result = |at| match at {
                at if at == failing => Err(StorageError::Closed),
                _ => Ok(()),
            };
            settle_first(result(0));
            settle_second(result(1));
            assert!(first.and(second).wait().is_err(), "{failing}");
        }
        // Nobody will say what came of the second.
        let (first, settle_first) = Receipt::new(|_| {});
        let (second, never) = Receipt::new(|_| {});
        settle_first(Ok(()));
        drop(never);
        assert!(first.and(second).wait().is_err());
    }
}
