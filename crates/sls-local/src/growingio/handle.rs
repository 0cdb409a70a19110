//! The collector in the hands of a test.

use std::sync::Arc;
use std::time::Duration;

use super::collected::{CollectedEvent, CollectedRequest};
use super::store::{GrowingIoCounts, Store};
use crate::arrivals::NotArrived;

/// What a server has collected from trackers of GrowingIO.
///
/// Clones are about the same server. The newest requests are kept within a budget, see
/// [`growingio_budget`](crate::LocalServerBuilder::growingio_budget).
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use sls_local::LocalServer;
/// # use bytes::Bytes;
///
/// let server = LocalServer::builder().start().await?;
/// println!("a tracker is pointed at {}", server.endpoint());
/// # let body = r#"[{"eventType":"CUSTOM","eventName":"paid","deviceId":"d","timestamp":1,
/// #     "dataSourceId":"s","projectKey":"p"}]"#;
/// # let request = http::Request::post("/v3/projects/p/collect").body(Bytes::from(body))?;
/// # server.service().handle(request).await;
///
/// let collected = server.growingio();
/// collected.wait_for_events(1, Duration::from_secs(5)).await?;
/// let paid = collected.assert_event("paid");
/// assert_eq!(paid.event().unwrap().anonymous_id.as_deref(), Some("d"));
/// collected.assert_valid();
/// collected.assert_no_repeats();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GrowingIo {
    store: Arc<Store>,
}

impl GrowingIo {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// The kept requests in the order of arrival, whatever became of them.
    pub fn requests(&self) -> Vec<Arc<CollectedRequest>> {
        self.store.requests()
    }

    /// The events, items and user mappings of the kept requests that were accepted, in the
    /// order of arrival.
    pub fn events(&self) -> Vec<Arc<CollectedEvent>> {
        self.store.events()
    }

    /// How much there was, what is no longer kept included.
    pub fn counts(&self) -> GrowingIoCounts {
        self.store.counts()
    }

    /// Forgets everything and counts from 0 again.
    pub fn clear(&self) {
        self.store.clear();
    }

    /// Waits until so many events, items and user mappings have been accepted, and gives
    /// those that are kept.
    ///
    /// # Errors
    /// [`NotArrived`] when there are fewer at the deadline.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait_for_events(
        &self,
        count: u64,
        within: Duration,
    ) -> Result<Vec<Arc<CollectedEvent>>, NotArrived> {
        let arrived = || self.store.counts().events;
        let arrivals = self.store.arrivals();
        arrivals.wait("events", count, within, arrived).await?;
        Ok(self.events())
    }

    /// Waits until so many requests have come, whatever became of them, and gives those that
    /// are kept.
    ///
    /// # Errors
    /// [`NotArrived`] when there are fewer at the deadline.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait_for_requests(
        &self,
        count: u64,
        within: Duration,
    ) -> Result<Vec<Arc<CollectedRequest>>, NotArrived> {
        let arrived = || self.store.counts().requests;
        let arrivals = self.store.arrivals();
        arrivals.wait("requests", count, within, arrived).await?;
        Ok(self.requests())
    }

    /// The first event of this name, or item of this key.
    ///
    /// # Panics
    /// When there is none; the message names those that there are.
    #[track_caller]
    pub fn assert_event(&self, name: &str) -> Arc<CollectedEvent> {
        let events = self.events();
        let found = events.iter().find(|event| event.name() == Some(name));
        match found {
            Some(event) => Arc::clone(event),
            None => {
                let names: Vec<_> = events.iter().filter_map(|event| event.name()).collect();
                panic!("no event {name:?} was collected, but {names:?}")
            }
        }
    }

    /// Asserts that every request was accepted and no record has a warning.
    ///
    /// # Panics
    /// With the first reason that was found.
    #[track_caller]
    pub fn assert_valid(&self) {
        for request in self.requests() {
            if let Some(reason) = &request.reason {
                panic!("request {} was refused: {reason}", request.number);
            }
            for event in &request.records {
                if let Some(warning) = event.warnings.first() {
                    let name = event.name().unwrap_or_else(|| event.kind());
                    panic!("{name:?} of request {}: {warning}", request.number);
                }
            }
        }
    }

    /// Asserts that no request had the target and the body of an earlier one.
    ///
    /// # Panics
    /// With the numbers of the first repetition and of what it repeated.
    #[track_caller]
    pub fn assert_no_repeats(&self) {
        for request in self.requests() {
            if let Some(first) = request.repeat_of {
                panic!("request {} repeats request {first}", request.number);
            }
        }
    }
}
