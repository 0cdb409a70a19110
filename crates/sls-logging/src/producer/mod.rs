//! Ships logs of your own: many small ones in, log groups out, a receipt for each.
//!
//! ```text
//!   draft(time, |log| ..)      encoded once, on the calling thread, without structs
//!        |  send, try_send, send_blocking, post
//!        v
//!   lane of its route          topic, source, tags, hash key, order
//!        |  full, or the linger time is over
//!        v
//!   one log group              the logs' bytes as they are, then what they share
//!        |  LogSink::put_raw   compressed from where they are
//!        v
//!   delivered | again, slower | cut in two | dead letter
//! ```
//!
//! The engine under it is [`telemetry_delivery::batch`]: what its
//! [`BatchConfig`](telemetry_delivery::batch::BatchConfig) says about memory, time and order holds
//! here.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use sls_core::model::Log;
//! use sls_local::LocalServer;
//! use sls_logging::producer::{Outcome, Producer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use sls_core::model::LogstoreConfig;
//! let service = LocalServer::builder().into_service();
//! service.create_project("shop").await?;
//! service.create_logstore("shop", LogstoreConfig::named("orders")).await?;
//! let orders = service.logstore("shop", "orders");
//!
//! let (producer, guard) = Producer::builder(move || orders.clone())
//!     .with_topic("checkout")
//!     .with_linger(Duration::from_millis(100))
//!     .build()?;
//! let receipt = producer.send(&Log::at(1_700_000_000).with("order", "17")).await?;
//! assert_eq!(receipt.await, Outcome::Delivered);
//! let report = guard.close(Duration::from_secs(5)).await;
//! assert_eq!(report.total.delivered, 1);
//! # Ok(())
//! # }
//! ```

mod builder; // what a producer is made of
mod dead_logs; // logs that can never be delivered
mod draft; // a log that is encoded and not yet sent
pub(crate) mod group_sink; // batches as log groups
mod route; // what the logs of a group share
mod verdict; // what an error means for the logs it is about

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sls_core::model::Log;
use sls_core::wire::LogEncoder;
use telemetry_delivery::batch::{Batcher, Lane};

pub use builder::ProducerBuilder;
pub use dead_logs::DeadLogs;
pub use draft::Draft;
pub use route::{Route, RouteError};
pub use telemetry_delivery::batch::{
    DeadReason, DropReason, Drops, Event, FlushTimeout, Guard, Outcome, Overflow, Receipt,
    Rejected, Report, StartError, Stats,
};

/// Ships logs to one logstore; clones share one queue.
///
/// A producer has a route: topic, source and tags as they were built, or what
/// [`with_route`](Self::with_route) and [`for_key`](Self::for_key) gave. The guard that is built
/// with it decides when it ends.
#[doc(alias = "LogProducer")]
#[derive(Clone)]
pub struct Producer {
    batcher: Batcher,
    lane: Lane,
    route: Arc<Route>,
}

impl Producer {
    /// Begins to set up a producer that writes to what `sink` makes.
    ///
    /// `sink` is called once on the producer's own thread, and once more in every process that is
    /// forked off and sends something, so that no process uses the connections of another. It
    /// should make a new client then and not hand out a clone.
    pub fn builder<S, F>(sink: F) -> ProducerBuilder
    where
        S: sls_core::service::LogSink,
        F: Fn() -> S + Send + Sync + 'static,
    {
        ProducerBuilder::new(sink)
    }

    /// Begins to set up a producer that writes over HTTPS with a client of its own.
    ///
    /// `client` is called as `sink` of [`builder`](Self::builder) is. The client's own retries are
    /// switched off: the producer tries again by itself, and knows better how fast.
    ///
    /// # Errors
    /// What `client` fails with, which is called once to see.
    ///
    /// # Example
    /// ```
    /// use sls_client::{BuildError, Client, Credentials, Endpoint, StaticCredentials};
    /// use sls_logging::producer::Producer;
    ///
    /// # fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint: Endpoint = "cn-hangzhou.log.aliyuncs.com".parse()?;
    /// let client = move || {
    ///     let credentials = StaticCredentials::new(Credentials::new("my-id", "my-secret"));
    ///     Ok(Client::builder(endpoint.clone(), credentials))
    /// };
    /// let (producer, guard) = Producer::builder_over_https(client, "shop", "orders")?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "https")]
    pub fn builder_over_https<F>(
        client: F,
        project: impl Into<String>,
        logstore: impl Into<String>,
    ) -> Result<ProducerBuilder, sls_client::BuildError>
    where
        F: Fn() -> Result<sls_client::ClientBuilder, sls_client::BuildError>
            + Send
            + Sync
            + 'static,
    {
        let once = telemetry_delivery::RetryConfig::default().with_max_attempts(1);
        let build = move || client()?.with_retry(once.clone()).build();
        let first = build()?;
        let (project, logstore) = (project.into(), logstore.into());
        Ok(Self::builder(move || {
            // Whoever builds may fail this time; the first one has not been used yet.
            let client = build().unwrap_or_else(|_| first.clone());
            client.logstore(&project, &logstore)
        }))
    }

    /// A producer for logs with another topic, source, tags or shard; it shares all else.
    ///
    /// Meant to be kept: finding the route costs more than sending a log.
    ///
    /// # Errors
    /// [`RouteError::TooMany`] when the route is new and there are as many as
    /// [`with_max_routes`](ProducerBuilder::with_max_routes) allows; those there are go on as
    /// before. A route is never forgotten, so what differs from log to log, such as the number of an
    /// order, belongs into a field and not into a topic or a tag. [`Stats::lanes`] tells how many
    /// there are.
    pub fn with_route(&self, route: Route) -> Result<Self, RouteError> {
        let lane = self.batcher.lane(route.lane())?;
        Ok(Self {
            batcher: self.batcher.clone(),
            lane,
            route: Arc::new(route),
        })
    }

    /// A producer for the logs of one key, which all go to one shard.
    ///
    /// Keys are spread over [`Route::KEY_BUCKETS`] places of the hash range; keys of one place
    /// share a route. With [`Route::with_order`] the logs of a key stay in the order in which they
    /// were sent.
    ///
    /// # Errors
    /// As [`with_route`](Self::with_route).
    pub fn for_key(&self, key: impl AsRef<[u8]>) -> Result<Self, RouteError> {
        self.with_route(Route::clone(&self.route).with_key(key))
    }

    /// What the logs share.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Encodes a log that happened at `time`; sending it is the next step.
    ///
    /// Times before 1970 and after 2106 are moved to these years. Allocates nothing once the
    /// thread has sent a log of that size.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # fn send(producer: &sls_logging::producer::Producer, now: SystemTime)
    /// # -> Result<(), sls_logging::producer::Rejected> {
    /// producer
    ///     .draft(now, |log| {
    ///         log.field("order", "17").field("state", "paid");
    ///     })
    ///     .post()
    /// # }
    /// ```
    pub fn draft(&self, time: SystemTime, fill: impl FnOnce(&mut LogEncoder<'_>)) -> Draft<'_> {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Draft::new(&self.batcher, self.lane, |group| {
            let mut log = group.log(u32::try_from(since.as_secs()).unwrap_or(u32::MAX));
            log.time_ns(since.subsec_nanos());
            fill(&mut log);
        })
    }

    /// Encodes an owned log; sending it is the next step.
    pub fn draft_of(&self, log: &Log) -> Draft<'_> {
        Draft::new(&self.batcher, self.lane, |group| group.push(log))
    }

    /// Sends a log; short for [`draft_of`](Self::draft_of) and [`Draft::send`].
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    ///
    /// # Cancel safety
    /// Safe: before it is ready the log is not taken in.
    pub async fn send(&self, log: &Log) -> Result<Receipt, Rejected> {
        self.draft_of(log).send().await
    }

    /// Sends a log and never waits; short for [`draft_of`](Self::draft_of) and
    /// [`Draft::try_send`].
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    pub fn try_send(&self, log: &Log) -> Result<Receipt, Rejected> {
        self.draft_of(log).try_send()
    }

    /// Sends a log, blocking the thread where the policy waits for room; short for
    /// [`draft_of`](Self::draft_of) and [`Draft::send_blocking`].
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    pub fn send_blocking(&self, log: &Log) -> Result<Receipt, Rejected> {
        self.draft_of(log).send_blocking()
    }

    /// Waits until everything sent before, on any route, has come to an end; see
    /// [`Batcher::flush`].
    ///
    /// # Errors
    /// [`FlushTimeout`] when that takes longer than `timeout`; nothing is lost by that.
    ///
    /// # Cancel safety
    /// Safe: what was begun goes on.
    pub async fn flush(&self, timeout: Duration) -> Result<(), FlushTimeout> {
        self.batcher.flush(timeout).await
    }

    /// The same, blocking the thread.
    ///
    /// # Errors
    /// [`FlushTimeout`] when it takes longer than `timeout`; nothing is lost by that.
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushTimeout> {
        self.batcher.flush_blocking(timeout)
    }

    /// What was done so far in this process, all routes together.
    pub fn stats(&self) -> Stats {
        self.batcher.stats()
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}
