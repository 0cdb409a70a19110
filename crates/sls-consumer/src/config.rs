//! Settings of a worker.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sls_core::api::{Processing, PullLogs};
use sls_core::model::CursorPosition;
use telemetry_delivery::{Clock, SystemClock};

use crate::error::Error;
use crate::lease::LeaseRules;
use crate::policy::{ExpiredCursor, FailurePolicy};

/// How a worker takes part in its group, reads and saves.
///
/// All consumers of a group must have the same timeout and order: the last one that starts
/// sets them for all, and a lease is counted with the timeout that this worker knows.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use sls_consumer::{FailurePolicy, WorkerConfig};
/// use sls_core::model::CursorPosition;
///
/// let config = WorkerConfig::new("billing")
///     .with_query("* | where status = '200'")
///     .with_start(CursorPosition::End)
///     .with_on_failure(FailurePolicy::skip().with_attempts(3))
///     .with_save_interval(Duration::from_secs(5));
/// ```
#[derive(Clone)]
#[must_use]
pub struct WorkerConfig {
    pub(crate) group: String,
    pub(crate) in_order: bool,
    pub(crate) heartbeat: Duration,
    pub(crate) timeout: Duration,
    pub(crate) margin: Option<Duration>,
    pub(crate) settle: Duration,
    pub(crate) reading: ReadSettings,
    pub(crate) max_pulls: usize,
    pub(crate) max_held_bytes: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What one shard's task has to know.
#[derive(Debug, Clone)]
pub(crate) struct ReadSettings {
    pub(crate) group: String,
    pub(crate) start: CursorPosition,
    pub(crate) until: Option<SystemTime>,
    pub(crate) count: u32,
    pub(crate) processing: Option<Processing>,
    pub(crate) idle: Duration,
    pub(crate) save_interval: Duration,
    pub(crate) is_manual: bool,
    pub(crate) on_failure: FailurePolicy,
    pub(crate) on_expired: ExpiredCursor,
    pub(crate) settle: Duration,
    /// How long a save may take before it is sent again.
    pub(crate) save_patience: Duration,
}

impl WorkerConfig {
    /// From the sending of a heartbeat to the next, unless told otherwise: 5 seconds, as the
    /// service's Java client.
    pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(5);
    /// How long a consumer may be silent, unless told otherwise: 30 seconds, six heartbeats.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// How long a request may still arrive after it was given up, unless told otherwise.
    pub const DEFAULT_SETTLE: Duration = Duration::from_secs(10);
    /// The longest pause between two pulls of a shard without news, unless told otherwise.
    pub const DEFAULT_IDLE: Duration = Duration::from_secs(2);
    /// How often checkpoints are saved, unless told otherwise.
    pub const DEFAULT_SAVE_INTERVAL: Duration = Duration::from_secs(5);
    /// How many pulls are under way at a time, unless told otherwise.
    pub const DEFAULT_MAX_PULLS: usize = 32;
    /// How much is held of what is not yet processed, unless told otherwise: 64 MiB,
    /// decompressed.
    pub const DEFAULT_MAX_HELD_BYTES: usize = 64 << 20;

    /// The defaults, for the group of this name.
    pub fn new(group: impl Into<String>) -> Self {
        let group = group.into();
        Self {
            in_order: false,
            heartbeat: Self::DEFAULT_HEARTBEAT,
            timeout: Self::DEFAULT_TIMEOUT,
            margin: None,
            settle: Self::DEFAULT_SETTLE,
            reading: ReadSettings {
                group: group.clone(),
                start: CursorPosition::Begin,
                until: None,
                count: PullLogs::DEFAULT_COUNT,
                processing: None,
                idle: Self::DEFAULT_IDLE,
                save_interval: Self::DEFAULT_SAVE_INTERVAL,
                is_manual: false,
                on_failure: FailurePolicy::default(),
                on_expired: ExpiredCursor::default(),
                settle: Self::DEFAULT_SETTLE,
                save_patience: Self::DEFAULT_TIMEOUT / 3,
            },
            max_pulls: Self::DEFAULT_MAX_PULLS,
            max_held_bytes: Self::DEFAULT_MAX_HELD_BYTES,
            clock: Arc::new(SystemClock),
            group,
        }
    }

    /// The name of the group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Has shards read only after the shards they were split or merged from. Default: no.
    pub fn with_in_order(mut self, in_order: bool) -> Self {
        self.in_order = in_order;
        self
    }

    /// From the sending of a heartbeat to the next. Default: 5 seconds. At least a tenth of a
    /// second, and less than half of the timeout.
    ///
    /// Also how soon this worker learns of shards to take over or to give up. For an interval and
    /// a quarter after it joined, or was given more shards, it sends heartbeats four times as
    /// often, since more of them may be on their way.
    pub fn with_heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = interval;
        self
    }

    /// How long the service waits for a heartbeat before it gives the shards to others, in
    /// whole seconds. Default: 30 seconds.
    ///
    /// Shorter means that the shards of a consumer that died move sooner, and that a shorter
    /// trouble on the network makes a worker stop.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How much earlier than the service a worker gives its shards up when heartbeats are not
    /// answered. Default: a tenth of the timeout.
    ///
    /// It must cover the time between a look at the clock and what is then done, so it is the
    /// longest that the runtime may keep a task waiting.
    pub fn with_margin(mut self, margin: Duration) -> Self {
        self.margin = Some(margin);
        self
    }

    /// How long a request that got no answer may still be on its way. Default: 10 seconds.
    ///
    /// A late heartbeat unsays what later ones said, and a late checkpoint overwrites a newer
    /// one. So after a heartbeat without an answer, new shards wait so long before they are
    /// begun, and after a checkpoint without an answer, newer ones wait, as does the shard
    /// itself when it was given up meanwhile and comes back. An answer with status 500, 502 or
    /// 504 counts as none: the request may have been passed on.
    pub fn with_settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self.reading.settle = settle;
        self
    }

    /// Where shards without a checkpoint are begun. Default: at the oldest log that is kept.
    ///
    /// With [`CursorPosition::End`] the place is saved before anything is read, so that a
    /// worker that dies at once leaves no gap.
    pub fn with_start(mut self, start: CursorPosition) -> Self {
        self.reading.start = start;
        self
    }

    /// Ends once the group has processed everything that the service received before this
    /// time. Default: never.
    ///
    /// The service knows the time of receipt to the second, so a part of one is rounded up. A
    /// time in the future is waited for. Every worker of the group needs the same time.
    pub fn until(mut self, time: SystemTime) -> Self {
        self.reading.until = Some(whole_seconds(time));
        self
    }

    /// Has the service run an SPL query over the logs. Default: none.
    pub fn with_query(self, query: impl Into<String>) -> Self {
        self.with_processing(Processing::Query(query.into()))
    }

    /// Has the service filter and change the logs. Default: nothing.
    pub fn with_processing(mut self, processing: Processing) -> Self {
        self.reading.processing = Some(processing);
        self
    }

    /// The most log groups in a batch, 1 to 1000. Default: 1000.
    pub fn with_count(mut self, count: u32) -> Self {
        self.reading.count = count;
        self
    }

    /// The longest pause between two pulls of a shard. Default: 2 seconds.
    ///
    /// | the last pull | pause |
    /// |---|---|
    /// | was not at the end of the shard, by the service's word | none |
    /// | brought as many groups as were asked for, 1000 groups, or 4 MiB | none |
    /// | brought less than 4 MiB and 1000 groups | 50 ms |
    /// | brought less than 2 MiB and 500 groups | 200 ms |
    /// | brought less than 1 MiB and 100 groups | 500 ms |
    /// | did not move the cursor | 250 ms, doubled each time |
    /// | failed | 250 ms, doubled each time, up to 30 s |
    ///
    /// With a query, what it read counts, not what it gave.
    pub fn with_idle(mut self, longest: Duration) -> Self {
        self.reading.idle = longest;
        self
    }

    /// How often the checkpoint of a shard is saved while batches are processed. Default: every
    /// 5 seconds.
    ///
    /// A save without an answer within a third of the lease is sent again.
    ///
    /// A shard without news is saved at once, and one that is given up before it is. After a
    /// crash, what was processed since the last save is processed again.
    pub fn with_save_interval(mut self, interval: Duration) -> Self {
        self.reading.save_interval = interval;
        self
    }

    /// Saves only what the processor [marks](crate::Checkpointer::mark). Default: every batch
    /// is marked when it was processed.
    pub fn with_manual_checkpoints(mut self) -> Self {
        self.reading.is_manual = true;
        self
    }

    /// What becomes of a batch that the processor fails to process. Default:
    /// [`FailurePolicy::stop`].
    pub fn with_on_failure(mut self, policy: FailurePolicy) -> Self {
        self.reading.on_failure = policy;
        self
    }

    /// Where to read on when a checkpoint has expired. Default: at the oldest log that is kept.
    pub fn with_on_expired(mut self, policy: ExpiredCursor) -> Self {
        self.reading.on_expired = policy;
        self
    }

    /// How many pulls may be under way at a time, over all shards, at least 1. Default: 32.
    pub fn with_max_pulls(mut self, pulls: usize) -> Self {
        self.max_pulls = pulls.max(1);
        self
    }

    /// How many bytes of batches not yet processed are held, over all shards, decompressed.
    /// Default: 64 MiB. Half of it may be read ahead.
    ///
    /// A pull reserves the size of the last answer of its shard. An answer that is larger and for
    /// which there is no room is dropped, and pulled again once there is; only a batch that is
    /// larger than all of the room is held all the same, when it is alone. On top come the
    /// answers of pulls under way, see [`with_max_pulls`](Self::with_max_pulls).
    ///
    /// While a shard with nothing in hand waits for room, nothing is read ahead. Batches that wait
    /// for another attempt are given back and pulled again for it, and so is what was read ahead
    /// of one that has been in hand for a second: a shard that fails, for however long, does not
    /// keep others from their turn.
    pub fn with_max_held_bytes(mut self, bytes: usize) -> Self {
        self.max_held_bytes = bytes;
        self
    }

    /// Takes the time of day from elsewhere. Default: the system's clock. It says how far
    /// reading lags and whether [`until`](Self::until) has come; leases do not depend on it.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn margin(&self) -> Duration {
        self.margin.unwrap_or(self.timeout / 10)
    }

    /// How long a request that keeps the lease may take: two more fit into the lease when this
    /// one is lost.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout.saturating_sub(self.margin()) / 3
    }

    /// What the tasks of shards have to know.
    pub(crate) fn read_settings(&self) -> ReadSettings {
        ReadSettings {
            save_patience: self.patience(),
            ..self.reading.clone()
        }
    }

    pub(crate) fn lease_rules(&self) -> Result<LeaseRules, Error> {
        let margin = self.margin();
        let refuse = |reason: String| Err(Error::Settings { reason });
        if self.group.is_empty() {
            return refuse("the group has no name".to_owned());
        }
        if self.heartbeat < Duration::from_millis(100) {
            return refuse("heartbeats must be at least 100 ms apart".to_owned());
        }
        if self.timeout < Duration::from_secs(1) {
            return refuse("the timeout must be at least 1 s".to_owned());
        }
        let lease = self.timeout.saturating_sub(margin);
        if self.heartbeat * 2 > lease {
            return refuse(format!(
                "a lease of {lease:?} has no room for two heartbeats, one each {:?}",
                self.heartbeat
            ));
        }
        if !(1..=PullLogs::DEFAULT_COUNT).contains(&self.reading.count) {
            return refuse(format!(
                "a batch has 1 to {} groups",
                PullLogs::DEFAULT_COUNT
            ));
        }
        Ok(LeaseRules {
            interval: self.heartbeat,
            timeout: self.timeout,
            margin,
            settle: self.settle,
        })
    }
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let Ok(since) = time.duration_since(UNIX_EPOCH) else {
        return UNIX_EPOCH;
    };
    match since.subsec_nanos() {
        0 => time,
        nanos => time + (Duration::from_secs(1) - Duration::from_nanos(nanos.into())),
    }
}

impl fmt::Debug for WorkerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerConfig")
            .field("group", &self.group)
            .field("in_order", &self.in_order)
            .field("heartbeat", &self.heartbeat)
            .field("timeout", &self.timeout)
            .field("margin", &self.margin)
            .field("settle", &self.settle)
            .field("reading", &self.reading)
            .field("max_pulls", &self.max_pulls)
            .field("max_held_bytes", &self.max_held_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_leave_room_for_heartbeats() {
        assert!(WorkerConfig::new("g").lease_rules().is_ok());
    }

    #[test]
    fn settings_without_room_for_two_heartbeats_are_refused() {
        let config = WorkerConfig::new("g")
            .with_heartbeat(Duration::from_secs(10))
            .with_timeout(Duration::from_secs(20));
        let error = config.lease_rules().unwrap_err().to_string();
        let want = "invalid settings: a lease of 18s has no room for two heartbeats, one each 10s";
        assert_eq!(error, want);
    }
}
