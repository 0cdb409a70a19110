use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sls_core::Credentials;
use sls_core::credentials::{CredentialsProvider, StaticCredentials};
use sls_core::service::LogSink;
use telemetry_delivery::Clock;
use telemetry_delivery::batch::{Event, Overflow};
#[cfg(feature = "spool")]
use telemetry_delivery::spool::SpoolConfig;

use super::dead_records::DeadRecords;
use super::{Handler, HandlerGuard, start};

use crate::error::Error;
use crate::format::RecordFormat;
use crate::level::Level;
use crate::record_clock::RecordClock;

/// How many records may wait unless told otherwise, as in the official handler.
const DEFAULT_QUEUE_SIZE: usize = 40_960;
/// How many bytes of records may be in memory unless told otherwise.
const DEFAULT_QUEUE_BYTES: usize = 32 << 20;
/// How long a record waits for company unless told otherwise, as in the official handler.
const DEFAULT_PUT_WAIT: Duration = Duration::from_secs(2);
/// How long closing may take unless told otherwise, as in the official handler.
const DEFAULT_CLOSE_WAIT: Duration = Duration::from_secs(5);
/// How many records go into a group unless told otherwise, as in the official handler.
const DEFAULT_BATCH_SIZE: usize = 1024;

/// Sets up a [`Handler`](crate::Handler).
///
/// Endpoint, credentials, project and logstore are needed; all else has a default.
#[doc(alias = "QueuedLogHandler")]
#[derive(Clone)]
#[must_use]
pub struct HandlerBuilder {
    pub(crate) endpoint: Option<String>,
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) project: Option<String>,
    pub(crate) logstore: Option<String>,
    pub(crate) signature: Signature,
    pub(crate) topic: String,
    pub(crate) source: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) format: RecordFormat,
    pub(crate) level: Level,
    pub(crate) queue_size: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) put_wait: Duration,
    pub(crate) close_wait: Duration,
    pub(crate) batch_size: usize,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) announce_drops: bool,
    pub(crate) context_ids: bool,
    #[cfg(feature = "spool")]
    pub(crate) spool: Option<(PathBuf, SpoolConfig)>,
    pub(crate) clock: RecordClock,
}

/// Where dead letters go.
#[derive(Clone)]
pub(crate) enum DeadLetters {
    Dropped,
    File(PathBuf, u64),
    Call(Arc<dyn Fn(&DeadRecords) + Send + Sync>),
}

pub(crate) type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// How requests are signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signature {
    /// Version 1, which every region accepts.
    #[default]
    V1,
    /// Version 4.
    V4 {
        /// The region, such as `cn-hangzhou`; `None` takes it from the endpoint's name.
        region: Option<String>,
    },
}

impl HandlerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            endpoint: None,
            credentials: None,
            project: None,
            logstore: None,
            signature: Signature::V1,
            topic: String::new(),
            source: None,
            tags: Vec::new(),
            format: RecordFormat::new(),
            level: Level::Trace,
            queue_size: DEFAULT_QUEUE_SIZE,
            queue_bytes: DEFAULT_QUEUE_BYTES,
            overflow: None,
            put_wait: DEFAULT_PUT_WAIT,
            close_wait: DEFAULT_CLOSE_WAIT,
            batch_size: DEFAULT_BATCH_SIZE,
            on_event: None,
            dead_letters: DeadLetters::Dropped,
            announce_drops: true,
            context_ids: false,
            #[cfg(feature = "spool")]
            spool: None,
            clock: RecordClock::System,
        }
    }

    /// Where the service is, as `cn-hangzhou.log.aliyuncs.com` or a URL.
    #[doc(alias = "end_point")]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The access key to sign with, for good.
    #[doc(alias = "access_key_id")]
    #[doc(alias = "access_key")]
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.credentials_provider(StaticCredentials::new(credentials))
    }

    /// Who is asked for the access key before every attempt.
    pub fn credentials_provider(mut self, provider: impl CredentialsProvider) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// The project to write to.
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// The logstore to write to.
    #[doc(alias = "log_store")]
    pub fn logstore(mut self, logstore: impl Into<String>) -> Self {
        self.logstore = Some(logstore.into());
        self
    }

    /// How requests are signed. Default: version 1.
    #[doc(alias = "auth_version")]
    #[doc(alias = "region")]
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }

    /// The topic of all records. Default: empty.
    #[doc(alias = "set_topic")]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// The source of all records, by custom an address.
    /// Default: the local address that a packet to the endpoint would leave from.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a tag to all records. Default: none.
    #[doc(alias = "log_tags")]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// What records look like. Default: [`RecordFormat::new`].
    ///
    /// The official handler's options `fields`, `buildin_fields_prefix`, `extract_json`,
    /// `extract_kv`, `extra` and their companions are there.
    #[doc(alias = "fields")]
    pub fn format(mut self, format: RecordFormat) -> Self {
        self.format = format;
        self
    }

    /// The least severe level that is shipped. Default: all.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// How many records may be in memory. Default: 40 960; zero means the default.
    pub fn queue_size(mut self, records: usize) -> Self {
        self.queue_size = or_default(records, DEFAULT_QUEUE_SIZE);
        self
    }

    /// How many bytes of encoded records may be in memory, those under way included.
    /// Default: 32 MiB; zero means the default.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = or_default(bytes, DEFAULT_QUEUE_BYTES);
        self
    }

    /// What becomes of a record for which there is no room. Default: with a spool, what waits
    /// moves to disk; a record for which there is no room all the same is dropped and counted,
    /// and the caller does not wait.
    ///
    /// The official handler lets its caller wait for twice `put_wait`.
    pub fn overflow(mut self, policy: Overflow) -> Self {
        self.overflow = Some(policy);
        self
    }

    /// How long a record may wait for company before it is sent. Default: 2 seconds; zero
    /// means the default.
    ///
    /// A full group does not wait.
    #[doc(alias = "linger")]
    pub fn put_wait(mut self, wait: Duration) -> Self {
        self.put_wait = if wait.is_zero() {
            DEFAULT_PUT_WAIT
        } else {
            wait
        };
        self
    }

    /// How long closing may take when no time is given. Default: 5 seconds; zero means the
    /// default.
    pub fn close_wait(mut self, wait: Duration) -> Self {
        self.close_wait = if wait.is_zero() {
            DEFAULT_CLOSE_WAIT
        } else {
            wait
        };
        self
    }

    /// How many records go into one group at most. Default: 1024; zero means the default.
    ///
    /// A group is also limited by what the service takes, 10 MB, and by `queue_size`.
    pub fn batch_size(mut self, records: usize) -> Self {
        self.batch_size = or_default(records, DEFAULT_BATCH_SIZE);
        self
    }

    /// Is told of drops, failures and their end, at most once a second each.
    ///
    /// It is called on the handler's own thread; records that it makes are not shipped.
    #[doc(alias = "handleError")]
    pub fn on_event(mut self, tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(tell));
        self
    }

    /// Keeps records that the service will never take in a file, a line of JSON each.
    /// Default: they are dropped and counted.
    ///
    /// Those are records of a request that was refused for good, and single ones that are too
    /// large. The file is appended to until it has `max_bytes`; what does not fit is counted,
    /// see [`Stats::dead_letters_unwritten`](crate::Stats::dead_letters_unwritten). Several
    /// processes may have the same file. A line that could only be written in part, as on a full
    /// disk, stays in it, and the next begins on a line of its own.
    #[doc(alias = "dead_letter")]
    pub fn dead_letter_file(mut self, path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        self.dead_letters = DeadLetters::File(path.into(), max_bytes);
        self
    }

    /// Hands records that the service will never take to a function, called on the handler's own
    /// thread or, for a record that is too large, on the thread that made it.
    /// Default: they are dropped and counted.
    pub fn on_dead_letter(mut self, take: impl Fn(&DeadRecords) + Send + Sync + 'static) -> Self {
        self.dead_letters = DeadLetters::Call(Arc::new(take));
        self
    }

    /// Keeps what is not delivered in a folder below `root`, so that it survives the process.
    /// Default: nothing does.
    ///
    /// What earlier processes left there is delivered beside new records, oldest first, and what
    /// is left when closing is over stays for the next. Unless
    /// [`overflow`](Self::overflow) says otherwise, a queue that is getting full moves to disk
    /// before anything is dropped. [`Fsync`](telemetry_delivery::spool::Fsync) says what
    /// survives a loss of power, and what that costs; with `EveryRecord` a caller waits for the
    /// disk.
    ///
    /// Handlers and processes may share a root: [`build`](Self::build) makes a folder for each
    /// logstore in there. With [`build_with`](Self::build_with), which knows of no logstore, a
    /// root belongs to one destination.
    #[cfg(feature = "spool")]
    pub fn spool(mut self, root: impl Into<PathBuf>, config: SpoolConfig) -> Self {
        self.spool = Some((root.into(), config));
        self
    }

    /// Sets whether groups are numbered, so that the service can show the records around one.
    /// Default: no.
    ///
    /// Groups get the tag `__pack_id__` then.
    pub fn context_ids(mut self, number: bool) -> Self {
        self.context_ids = number;
        self
    }

    /// Sets whether one record tells of records that were dropped, once delivery works again.
    /// Default: yes.
    ///
    /// It has the level of a warning, the target `sls_logging`, and the number in the field
    /// `dropped`.
    pub fn announce_drops(mut self, announce: bool) -> Self {
        self.announce_drops = announce;
        self
    }

    /// Where the time comes from. Default: the system.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = RecordClock::Other(Arc::new(clock));
        self
    }

    /// See [`overflow`](Self::overflow).
    pub(crate) fn overflow_policy(&self) -> Overflow {
        #[cfg(feature = "spool")]
        let default = match &self.spool {
            Some(_) => Overflow::Spill(Duration::ZERO),
            None => Overflow::DropNewest,
        };
        #[cfg(not(feature = "spool"))]
        let default = Overflow::DropNewest;
        self.overflow.unwrap_or(default)
    }

    /// Starts the handler's thread, which sends over HTTPS, or HTTP if the endpoint says so.
    ///
    /// No request is made yet, and it needs no runtime.
    ///
    /// # Errors
    /// [`Error::Missing`] names every setting that is needed and not given, [`Error::Invalid`]
    /// one that cannot work, [`Error::Start`] when the system gives no thread.
    #[cfg(feature = "https")]
    pub fn build(self) -> Result<(Handler, HandlerGuard), Error> {
        #[cfg(feature = "spool")]
        let mut this = self;
        #[cfg(not(feature = "spool"))]
        let this = self;
        let destination = super::destination::Destination::of(&this)?;
        #[cfg(feature = "spool")]
        if let Some((root, _)) = &mut this.spool {
            // Left-overs are taken over by whoever opens the same folder.
            root.push(destination.folder());
        }
        let source = this.source.clone();
        let source = source.unwrap_or_else(|| destination.local_address());
        start::with_sink(this, source, move || destination.sink())
    }

    /// Starts the handler's thread, which puts log groups into what `sink` makes.
    ///
    /// `sink` is called once on that thread, and once more in every process that is forked off
    /// and ships a record. Endpoint, credentials, project, logstore and signature are not used.
    ///
    /// # Errors
    /// [`Error::Invalid`] names a setting that cannot work, [`Error::Start`] when the system
    /// gives no thread.
    pub fn build_with<S: LogSink>(
        self,
        sink: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<(Handler, HandlerGuard), Error> {
        let source = self.source.clone().unwrap_or_default();
        start::with_sink(self, source, sink)
    }
}

impl fmt::Debug for HandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerBuilder")
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .field("project", &self.project)
            .field("logstore", &self.logstore)
            .field("signature", &self.signature)
            .field("topic", &self.topic)
            .field("source", &self.source)
            .field("tags", &self.tags)
            .field("format", &self.format)
            .field("level", &self.level)
            .field("queue_size", &self.queue_size)
            .field("queue_bytes", &self.queue_bytes)
            .field("overflow", &self.overflow)
            .field("put_wait", &self.put_wait)
            .field("close_wait", &self.close_wait)
            .field("batch_size", &self.batch_size)
            .finish_non_exhaustive()
    }
}

const fn or_default(value: usize, default: usize) -> usize {
    if value == 0 { default } else { value }
}
