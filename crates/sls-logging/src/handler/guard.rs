use std::time::Duration;

use super::{CloseReport, Handler};

/// Ends its handler: dropping it closes, with the time that
/// [`close_wait`](crate::HandlerBuilder::close_wait) gives.
///
/// Keep it in `main` for as long as the program runs. Records shipped afterwards are dropped and
/// counted.
#[derive(Debug)]
#[must_use = "dropping the guard closes the handler"]
pub struct HandlerGuard {
    handler: Handler,
}

impl HandlerGuard {
    pub(crate) const fn new(handler: Handler) -> Self {
        Self { handler }
    }

    /// The handler that this ends.
    pub fn handler(&self) -> &Handler {
        &self.handler
    }

    /// Stops taking records, delivers what is here for at most `within`, and tells what became
    /// of it. A spool keeps what is left; without one it is dropped.
    ///
    /// It blocks the thread and needs no runtime. It is over in time whatever the service does.
    pub fn close(self, within: Duration) -> CloseReport {
        self.handler.close(within)
    }
}

impl Drop for HandlerGuard {
    fn drop(&mut self) {
        let _ = self.handler.close(self.handler.close_wait());
    }
}
