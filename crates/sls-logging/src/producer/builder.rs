use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sls_core::model::Text;
use sls_core::service::LogSink;
use telemetry_delivery::Backoff;
use telemetry_delivery::batch::{BatchConfig, Batcher, Event, Guard, Overflow, StartError};

use super::Producer;
use super::dead_logs::DeadLogs;
use super::group_sink::GroupSink;
use super::route::Route;

/// The largest log: the service takes values of a megabyte, and groups of ten.
const LARGEST_LOG: usize = 8 << 20;
/// How long logs wait for room unless told otherwise, as in the official producers.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

type Start = Box<dyn Fn(BatchConfig, bool) -> Result<(Batcher, Guard), StartError> + Send + Sync>;

/// Sets up a [`Producer`].
#[must_use]
pub struct ProducerBuilder {
    start: Start,
    batch: BatchConfig,
    route: Route,
    pack_ids: bool,
}

impl ProducerBuilder {
    pub(super) fn new<S, F>(sink: F) -> Self
    where
        S: LogSink,
        F: Fn() -> S + Send + Sync + 'static,
    {
        let sink = Arc::new(sink);
        Self {
            start: Box::new(move |config, pack_ids| {
                let sink = Arc::clone(&sink);
                Batcher::start(config, move || GroupSink::new(sink(), pack_ids))
            }),
            batch: BatchConfig::default()
                .with_memory_bytes(100 << 20)
                .with_item_bytes(LARGEST_LOG)
                .with_overflow(Overflow::Wait(DEFAULT_WAIT))
                .with_thread_name("sls-producer"),
            route: Route::new(),
            pack_ids: true,
        }
    }

    /// The topic of all logs without a route of their own. Default: none.
    pub fn with_topic(mut self, topic: impl Into<Text>) -> Self {
        self.route = self.route.with_topic(topic);
        self
    }

    /// The source of all logs without a route of their own. Default: none.
    pub fn with_source(mut self, source: impl Into<Text>) -> Self {
        self.route = self.route.with_source(source);
        self
    }

    /// Adds a tag to all logs without a route of their own. Default: none.
    pub fn with_tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.route = self.route.with_tag(key, value);
        self
    }

    /// The route of all logs without one of their own; takes the place of topic, source and tags.
    pub fn with_route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// How many bytes of encoded logs are kept in memory, those under way included.
    /// Default: 100 MiB.
    #[doc(alias = "total_size_in_bytes")]
    pub fn with_memory_bytes(self, bytes: usize) -> Self {
        self.with_batch(|batch| batch.with_memory_bytes(bytes))
    }

    /// How many logs are kept in memory. Default: as many as fit.
    pub fn with_memory_logs(self, logs: impl Into<Option<usize>>) -> Self {
        self.with_batch(|batch| batch.with_memory_items(logs))
    }

    /// How many bytes a group holds at most before compression, a single larger log aside.
    /// Default: 512 KiB; the service takes 10 MB.
    #[doc(alias = "batch_size_threshold_in_bytes")]
    pub fn with_group_bytes(self, bytes: usize) -> Self {
        self.with_batch(|batch| batch.with_batch_bytes(bytes))
    }

    /// How many logs a group holds at most. Default: 4096.
    #[doc(alias = "batch_count_threshold")]
    pub fn with_group_logs(self, logs: usize) -> Self {
        self.with_batch(|batch| batch.with_batch_items(logs))
    }

    /// How many bytes a log may have; a larger one becomes a dead letter. Default: 8 MiB.
    pub fn with_log_bytes(self, bytes: usize) -> Self {
        self.with_batch(|batch| batch.with_item_bytes(bytes))
    }

    /// How long a log may wait for company before it is sent. Default: 2 seconds.
    pub fn with_linger(self, linger: Duration) -> Self {
        self.with_batch(|batch| batch.with_linger(linger))
    }

    /// What happens to a log for which there is no room. Default: its sender waits, up to 60
    /// seconds.
    #[doc(alias = "max_block_ms")]
    pub fn with_overflow(self, overflow: Overflow) -> Self {
        self.with_batch(|batch| batch.with_overflow(overflow))
    }

    /// How many groups are under way at most. Default: 4.
    #[doc(alias = "io_thread_count")]
    pub fn with_max_in_flight(self, groups: usize) -> Self {
        self.with_batch(|batch| batch.with_max_in_flight(groups))
    }

    /// How long one attempt may take; longer counts as a failure. Default: 2 minutes.
    pub fn with_attempt_timeout(self, timeout: Duration) -> Self {
        self.with_batch(|batch| batch.with_attempt_timeout(timeout))
    }

    /// The pauses between attempts. Default: up to half a second, doubling up to 20 seconds.
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        self.with_batch(|batch| batch.with_backoff(backoff))
    }

    /// How long after its first attempt a group becomes a dead letter. Default: never.
    pub fn with_give_up_after(self, time: impl Into<Option<Duration>>) -> Self {
        self.with_batch(|batch| batch.with_give_up_after(time))
    }

    /// How many routes there may be. Default: 1024.
    pub fn with_max_routes(self, routes: usize) -> Self {
        self.with_batch(|batch| batch.with_max_lanes(routes))
    }

    /// Keeps on disk, in the folder `root`, what is not delivered yet; the next start delivers it,
    /// under the route it was sent on. Default: memory only.
    ///
    /// [`Fsync`](crate::Fsync) says when, and with [`Overflow::Spill`] logs for which there is no
    /// room wait there, too. Any number of processes may share a root that is for one logstore.
    #[cfg(feature = "spool")]
    pub fn with_spool(
        self,
        root: impl Into<std::path::PathBuf>,
        spool: telemetry_delivery::spool::SpoolConfig,
    ) -> Self {
        self.with_batch(|batch| batch.with_spool(root, spool))
    }

    /// How long the guard delivers what is left when it is dropped. Default: 5 seconds.
    pub fn with_close_deadline(self, deadline: Duration) -> Self {
        self.with_batch(|batch| batch.with_close_deadline(deadline))
    }

    /// Whether groups get the tag `__pack_id__`, by which the service shows the logs around a log.
    /// Default: yes.
    ///
    /// A writer is one route of one producer in one process.
    pub fn with_pack_ids(mut self, pack_ids: bool) -> Self {
        self.pack_ids = pack_ids;
        self
    }

    /// What is told of drops, failures and their end, on the producer's own thread.
    pub fn with_on_event(self, tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.with_batch(|batch| batch.with_on_event(tell))
    }

    /// What takes logs that can never be delivered, each once. Without one they are dropped.
    ///
    /// It is called on the producer's own thread, or for an oversized log on the thread that sent
    /// it, and should be brief.
    pub fn with_dead_letters(self, take: impl Fn(&DeadLogs<'_>) + Send + Sync + 'static) -> Self {
        self.with_batch(|batch| batch.with_dead_letters(move |letter| take(&DeadLogs::new(letter))))
    }

    /// Anything else of the engine, by a function from settings to settings.
    pub fn with_batch(mut self, change: impl FnOnce(BatchConfig) -> BatchConfig) -> Self {
        self.batch = change(self.batch);
        self
    }

    /// Starts the producer's thread.
    ///
    /// # Errors
    /// [`StartError`] when a setting is out of range or the system gives no thread.
    pub fn build(self) -> Result<(Producer, Guard), StartError> {
        let (batcher, guard) = (self.start)(self.batch, self.pack_ids)?;
        // The first one, and there may be one at least.
        let lane = batcher
            .lane(self.route.lane())
            .map_err(|_| StartError::Thread(std::io::Error::other("no room for a route")))?;
        let producer = Producer {
            batcher,
            lane,
            route: Arc::new(self.route),
        };
        Ok((producer, guard))
    }
}

impl fmt::Debug for ProducerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("batch", &self.batch)
            .field("route", &self.route)
            .field("pack_ids", &self.pack_ids)
            .finish_non_exhaustive()
    }
}
