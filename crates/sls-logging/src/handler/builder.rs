use std::sync::Arc;
use std::time::Duration;

use sls_core::credentials::{CredentialsProvider, StaticCredentials};
use sls_core::{Credentials, Endpoint};
use telemetry_delivery::{Clock, SystemClock};

use crate::error::Error;
use crate::format::RecordFormat;
use crate::level::Level;

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
#[derive(Debug, Clone)]
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
    pub(crate) when_full: WhenFull,
    pub(crate) put_wait: Duration,
    pub(crate) close_wait: Duration,
    pub(crate) batch_size: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

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

/// What becomes of a record for which there is no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is dropped and counted; the caller never waits.
    #[default]
    DropNewest,
    /// Older ones are dropped and counted to make room; the caller never waits.
    DropOldest,
    /// The caller waits for room, at most this long; then the record is dropped and counted.
    ///
    /// The official handler waits twice its `put_wait`.
    Wait(Duration),
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
            when_full: WhenFull::default(),
            put_wait: DEFAULT_PUT_WAIT,
            close_wait: DEFAULT_CLOSE_WAIT,
            batch_size: DEFAULT_BATCH_SIZE,
            clock: Arc::new(SystemClock),
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

    /// What becomes of a record for which there is no room. Default: it is dropped.
    pub fn when_full(mut self, policy: WhenFull) -> Self {
        self.when_full = policy;
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

    /// Where the time comes from. Default: the system.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What is needed to send, or what of it is not given.
    fn destination(&self) -> Result<Destination, Error> {
        let missing: Vec<_> = [
            ("endpoint", is_blank(self.endpoint.as_deref())),
            ("credentials", self.credentials.is_none()),
            ("project", is_blank(self.project.as_deref())),
            ("logstore", is_blank(self.logstore.as_deref())),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        match (
            &self.endpoint,
            &self.credentials,
            &self.project,
            &self.logstore,
        ) {
            (Some(endpoint), Some(credentials), Some(project), Some(logstore))
                if missing.is_empty() =>
            {
                Ok(Destination {
                    endpoint: endpoint
                        .parse()
                        .map_err(|cause| Error::invalid("endpoint", cause))?,
                    credentials: Arc::clone(credentials),
                    project: project.clone(),
                    logstore: logstore.clone(),
                })
            }
            _ => Err(Error::Missing { settings: missing }),
        }
    }
}

struct Destination {
    endpoint: Endpoint,
    credentials: Arc<dyn CredentialsProvider>,
    project: String,
    logstore: String,
}

const fn or_default(value: usize, default: usize) -> usize {
    if value == 0 { default } else { value }
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}
