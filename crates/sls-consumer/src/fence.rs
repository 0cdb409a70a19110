//! The one place that says whether a shard may be worked on now.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A lease as tasks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) epoch: u64,
    pub(crate) until: Instant,
}

/// Stands between a task and the processor: nothing is handed over and no checkpoint is saved
/// once it is closed. It never opens again.
#[derive(Debug, Clone)]
pub(crate) struct Fence {
    epoch: u64,
    term: watch::Receiver<Option<Term>>,
}

impl Fence {
    /// Open for as long as the lease of this number lasts.
    pub(crate) fn new(epoch: u64, term: watch::Receiver<Option<Term>>) -> Self {
        Self { epoch, term }
    }

    /// Whether the shard may be worked on at this moment.
    pub(crate) fn is_open(&self) -> bool {
        self.end().is_some()
    }

    /// Returns when it is closed.
    pub(crate) async fn closed(&mut self) {
        while let Some(end) = self.end() {
            tokio::select! {
                biased;
                changed = self.term.changed() => {
                    // Whoever kept the lease alive is no more.
                    if changed.is_err() {
                        return;
                    }
                }
                () = sleep_until(end) => {}
            }
        }
    }

    /// When it closes; `None` when it has.
    fn end(&self) -> Option<Instant> {
        // A sender that is gone renews nothing.
        if self.term.has_changed().is_err() {
            return None;
        }
        let current = *self.term.borrow();
        let current = current.filter(|term| term.epoch == self.epoch)?;
        (Instant::now() < current.until).then_some(current.until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn term(epoch: u64, seconds: u64) -> Option<Term> {
        let until = Instant::now() + Duration::from_secs(seconds);
        Some(Term { epoch, until })
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_lease_keeps_it_open_and_a_new_one_does_not() {
        let (sender, receiver) = watch::channel(term(1, 10));
        let mut fence = Fence::new(1, receiver);
        let closed = tokio::spawn(async move {
            fence.closed().await;
            Instant::now()
        });
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(9)).await;
        sender.send_replace(term(1, 10));
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(!closed.is_finished());
        sender.send_replace(term(2, 10));
        assert_eq!(closed.await.unwrap() - began, Duration::from_secs(18));
    }

    #[tokio::test(start_paused = true)]
    async fn it_closes_at_the_end_of_the_lease_and_when_nobody_renews_it() {
        let (sender, receiver) = watch::channel(term(1, 10));
        let fence = Fence::new(1, receiver.clone());
        assert!(fence.is_open());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!fence.is_open());
        sender.send_replace(term(1, 10));
        let mut fence = Fence::new(1, receiver);
        assert!(fence.is_open());
        drop(sender);
        assert!(!fence.is_open());
        fence.closed().await;
    }
}
