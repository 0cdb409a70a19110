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
pub(crate) struct Fence(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Nobody else can have the shard.
    Unlimited,
    Leased {
        epoch: u64,
        term: watch::Receiver<Option<Term>>,
    },
}

impl Fence {
    /// Open for as long as the lease of this number lasts.
    pub(crate) fn leased(epoch: u64, term: watch::Receiver<Option<Term>>) -> Self {
        Self(Kind::Leased { epoch, term })
    }

    /// Open for ever.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "reading without a group needs it")
    )]
    pub(crate) fn unlimited() -> Self {
        Self(Kind::Unlimited)
    }

    /// Whether the shard may be worked on at this moment.
    pub(crate) fn is_open(&self) -> bool {
        match &self.0 {
            Kind::Unlimited => true,
            Kind::Leased { epoch, term } => Self::end(*epoch, term).is_some(),
        }
    }

    /// Returns when it is closed.
    pub(crate) async fn closed(&mut self) {
        let Kind::Leased { epoch, term } = &mut self.0 else {
            return std::future::pending().await;
        };
        while let Some(end) = Self::end(*epoch, term) {
            tokio::select! {
                biased;
                changed = term.changed() => {
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
    fn end(epoch: u64, term: &watch::Receiver<Option<Term>>) -> Option<Instant> {
        // A sender that is gone renews nothing.
        if term.has_changed().is_err() {
            return None;
        }
        let current = *term.borrow();
        let current = current.filter(|term| term.epoch == epoch)?;
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
        let mut fence = Fence::leased(1, receiver);
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
        let fence = Fence::leased(1, receiver.clone());
        assert!(fence.is_open());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!fence.is_open());
        sender.send_replace(term(1, 10));
        let mut fence = Fence::leased(1, receiver);
        assert!(fence.is_open());
        drop(sender);
        assert!(!fence.is_open());
        fence.closed().await;
        assert!(Fence::unlimited().is_open());
    }
}
