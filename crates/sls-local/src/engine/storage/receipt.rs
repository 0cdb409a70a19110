use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use super::StorageError;

/// Called once, on any thread, with what came of a write. Must not block.
pub(crate) type Done = Box<dyn FnOnce(Result<(), StorageError>) + Send>;

/// The promise to say what came of a write.
#[derive(Debug)]
pub(crate) struct Receipt(oneshot::Receiver<Result<(), StorageError>>);

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
        (Self(receiver), done)
    }

    /// Returns what came of the write.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing about the write.
    pub(crate) async fn settled(self) -> Result<(), StorageError> {
        // A write that nobody answers for was dropped with the storage.
        self.0.await.unwrap_or(Err(StorageError::Closed))
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
