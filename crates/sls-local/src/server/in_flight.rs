//! Which requests of a connection are being read, performed or answered.

use tokio::sync::watch;

/// Counts the requests of one connection that are not yet done with.
#[derive(Debug, Clone)]
pub(super) struct InFlight(watch::Sender<usize>);

impl InFlight {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Notes a request whose head has arrived, until what is returned is dropped.
    pub(super) fn begin(&self) -> Busy {
        self.0.send_modify(|busy| *busy += 1);
        Busy(self.0.clone())
    }

    /// Returns when there is none; at once when there was none.
    pub(super) async fn none(&self) {
        // The sender is in `self`, so there is always somebody to tell.
        let _ = self.0.subscribe().wait_for(|busy| *busy == 0).await;
    }
}

/// A request that is not yet done with.
#[derive(Debug)]
pub(super) struct Busy(watch::Sender<usize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}
