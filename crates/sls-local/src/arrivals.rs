//! Waiting for something to arrive, without asking again and again.

use std::time::Duration;

use tokio::sync::watch;

/// Wakes whoever waits, each time that something has arrived.
#[derive(Debug)]
pub(crate) struct Arrivals(watch::Sender<()>);

impl Default for Arrivals {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Arrivals {
    /// Says that something has arrived; whoever looks now must see it.
    pub(crate) fn tell(&self) {
        self.0.send_replace(());
    }

    /// Looks at once and after each arrival, until there is enough or the time is over.
    ///
    /// `arrived` tells how many there are, `what` what they are.
    pub(crate) async fn wait(
        &self,
        what: &'static str,
        wanted: u64,
        within: Duration,
        arrived: impl Fn() -> u64 + Send + Sync,
    ) -> Result<(), NotArrived> {
        // Subscribed before the first look, so that nothing is missed in between.
        let mut news = self.0.subscribe();
        let enough = async {
            while arrived() < wanted {
                if news.changed().await.is_err() {
                    // Nobody is left to tell, so nothing more will come.
                    return false;
                }
            }
            true
        };
        match tokio::time::timeout(within, enough).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NotArrived {
                what,
                wanted,
                arrived: arrived(),
                within,
            }),
        }
    }
}

/// What was waited for has not arrived in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{arrived} of {wanted} {what} arrived within {within:?}")]
#[non_exhaustive]
pub struct NotArrived {
    /// What was waited for, in the plural.
    pub what: &'static str,
    /// How many were waited for.
    pub wanted: u64,
    /// How many there are.
    pub arrived: u64,
    /// For how long.
    pub within: Duration,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_last_arrival_or_the_deadline() {
        let arrivals = Arc::new(Arrivals::default());
        let count = Arc::new(AtomicU64::new(0));
        let arrived = || count.load(Ordering::SeqCst);
        let within = Duration::from_secs(60);
        assert_eq!(arrivals.wait("things", 0, within, arrived).await, Ok(()));
        let error = arrivals
            .wait("things", 2, within, arrived)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "0 of 2 things arrived within 60s");

        let told = (Arc::clone(&arrivals), Arc::clone(&count));
        let teller = tokio::spawn(async move {
            for _ in 0..2 {
                tokio::task::yield_now().await;
                told.1.fetch_add(1, Ordering::SeqCst);
                told.0.tell();
            }
        });
        let started = tokio::time::Instant::now();
        assert_eq!(arrivals.wait("things", 2, within, arrived).await, Ok(()));
        assert_eq!(started.elapsed(), Duration::ZERO);
        teller.await.unwrap();
    }
}
