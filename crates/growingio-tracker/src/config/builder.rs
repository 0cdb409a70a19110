use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use growingio_codecs::record::Preset;
use growingio_codecs::{Codec, Json, Rules};
use telemetry_delivery::{BoxTransport, Clock, SystemClock, Transport};
use tokio::runtime::Handle;

use crate::config::{ConfigError, ensure};
use crate::counts::Counters;
#[cfg(feature = "https")]
use crate::courier::made_again;
use crate::courier::{Courier, MakeTransport};
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::delivery::{
    Asynchronous, AtOnce, Background, Buffered, DebugPrint, Delivery, FillAndSend, Immediate,
    Parts, Printer,
};
use crate::disk::{Disk, DiskSettings};
use crate::retry::Retry;
use crate::server::Server;
use crate::tracker::{Project, Shared, Tracker};
use crate::upload::Upload;

/// When messages are sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Strategy {
    /// Each at once.
    Immediate(Immediate),
    /// Many together, by the call that fills the buffer.
    Buffered(Buffered),
    /// Many together, in the background.
    Asynchronous(Asynchronous),
    /// Each at once, and printed.
    DebugPrint(DebugPrint),
    /// As a strategy of the program's own decides.
    Own(Arc<dyn Delivery>),
}

impl From<Immediate> for Strategy {
    fn from(settings: Immediate) -> Self {
        Self::Immediate(settings)
    }
}

impl From<Buffered> for Strategy {
    fn from(settings: Buffered) -> Self {
        Self::Buffered(settings)
    }
}

impl From<Asynchronous> for Strategy {
    fn from(settings: Asynchronous) -> Self {
        Self::Asynchronous(settings)
    }
}

impl From<DebugPrint> for Strategy {
    fn from(settings: DebugPrint) -> Self {
        Self::DebugPrint(settings)
    }
}

impl From<Arc<dyn Delivery>> for Strategy {
    fn from(own: Arc<dyn Delivery>) -> Self {
        Self::Own(own)
    }
}

impl Strategy {
    /// What the SDKs for other languages give a request of this strategy.
    fn request_timeout(&self) -> Duration {
        match self {
            Self::Asynchronous(_) | Self::DebugPrint(_) => Duration::from_secs(2),
            _ => Duration::from_secs(5),
        }
    }
}

/// Sets up a [`Tracker`]; see [`Tracker::builder`].
#[must_use]
pub struct TrackerBuilder {
    product_id: String,
    data_source_id: String,
    server_host: String,
    codec: Arc<dyn Codec>,
    strategy: Strategy,
    retry: Retry,
    request_timeout: Option<Duration>,
    transport: Option<BoxTransport>,
    runtime: Option<Handle>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    sdk: (String, String),
    presets: Vec<Preset<'static>>,
    dead_letters: DeadLetters,
    close_wait: Duration,
    disk: Option<DiskSettings>,
    #[cfg(feature = "https")]
    pub(super) connect_timeout: Option<Duration>,
    #[cfg(feature = "https")]
    pub(super) verify_cert: bool,
    #[cfg(feature = "https")]
    pub(super) https: telemetry_delivery::HttpsConfig,
}

impl TrackerBuilder {
    pub(crate) fn new(
        product_id: impl Into<String>,
        data_source_id: impl Into<String>,
        server_host: impl Into<String>,
    ) -> Self {
        Self {
            product_id: product_id.into(),
            data_source_id: data_source_id.into(),
            server_host: server_host.into(),
            codec: Arc::new(Json),
            strategy: Strategy::Immediate(Immediate),
            retry: Retry::default(),
            request_timeout: None,
            transport: None,
            runtime: None,
            clock: Arc::new(SystemClock),
            rules: Rules::strict(),
            sdk: ("rust".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            presets: Vec::new(),
            dead_letters: DeadLetters::default(),
            close_wait: Duration::from_secs(5),
            disk: None,
            #[cfg(feature = "https")]
            connect_timeout: None,
            #[cfg(feature = "https")]
            verify_cert: true,
            #[cfg(feature = "https")]
            https: telemetry_delivery::HttpsConfig::default(),
        }
    }

    /// How messages are written. Default: [`Json`].
    #[doc(alias = "data_parser")]
    pub fn codec(mut self, codec: impl Codec) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    /// When messages are sent. Default: [`Immediate`].
    #[doc(alias = "consumer")]
    pub fn delivery(mut self, strategy: impl Into<Strategy>) -> Self {
        self.strategy = strategy.into();
        self
    }

    /// When a request is sent again. Default: as [`Retry`] says.
    #[doc(alias = "retry_limit")]
    #[doc(alias = "retry_backoff_factor")]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How long one attempt may take, connecting included. Default: 5 seconds, and 2 where
    /// nobody waits or everything is printed.
    ///
    /// Zero is refused when the tracker is built.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = Some(limit);
        self
    }

    /// What a message must have to be tracked. Default: strict rules without limits.
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The platform and version that events carry. Default: `rust` and the version of this crate.
    pub fn sdk(mut self, platform: impl Into<String>, version: impl Into<String>) -> Self {
        self.sdk = (platform.into(), version.into());
        self
    }

    /// A field that every event has which does not set it itself. Default: none.
    pub fn preset(mut self, preset: Preset<'static>) -> Self {
        self.presets.push(preset);
        self
    }

    /// Hears of messages that are given up: those that the collector refuses for good.
    /// Default: they are counted, and logged without their content.
    ///
    /// Called on the thread that sends; it must not wait for the tracker.
    pub fn on_dead_letter(mut self, handler: impl Fn(DeadLetter) + Send + Sync + 'static) -> Self {
        self.dead_letters = DeadLetters(Some(Arc::new(handler)));
        self
    }

    /// Keeps what waits in a folder as well, so that it survives the process. Default: not.
    ///
    /// For [`Buffered`] and [`Asynchronous`]. A call that returned success has written its
    /// message; what [`Fsync`](crate::Fsync) promises beyond the end of the process is a matter
    /// of `config`. What an earlier process has left is sent first. A close, or the end of the
    /// process, leaves what was not sent for the next one, and a message for which there is no
    /// room in memory waits on disk.
    ///
    /// Any number of processes may share a folder.
    #[cfg(feature = "spool")]
    pub fn spool(
        mut self,
        folder: impl Into<std::path::PathBuf>,
        config: crate::SpoolConfig,
    ) -> Self {
        self.disk = Some(DiskSettings {
            root: folder.into(),
            config,
        });
        self
    }

    /// How long dropping the last clone of the tracker may wait for what is not sent yet.
    /// Default: 5 seconds.
    pub fn close_wait(mut self, limit: Duration) -> Self {
        self.close_wait = limit;
        self
    }

    /// Carries requests in another way than over HTTPS.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(BoxTransport::new(transport));
        self
    }

    /// Sends on this runtime. Default: on a thread of the tracker's own.
    ///
    /// A thread of that runtime must then not [`wait`](crate::Pending::wait), and dropping the
    /// tracker does not either.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Takes the time from somewhere else.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the tracker. Nothing is connected before the first request.
    ///
    /// # Errors
    /// [`ConfigError`], which names the setting.
    pub fn build(self) -> Result<Tracker, ConfigError> {
        let project = Project::new(self.product_id.as_str(), self.data_source_id.as_str())?;
        let server = Server::parse(&self.server_host)?;
        let request_timeout = self
            .request_timeout
            .unwrap_or_else(|| self.strategy.request_timeout());
        ensure(
            !request_timeout.is_zero(),
            "request_timeout",
            "be longer than zero",
        )?;
        self.check_disk()?;
        let counters = Arc::new(Counters::default());
        let upload = Arc::new(Upload {
            server,
            codec: Arc::clone(&self.codec),
            clock: Arc::clone(&self.clock),
            retry: self.retry.layer(request_timeout, Arc::clone(&self.clock))?,
            request_timeout,
            counters: Arc::clone(&counters),
        });
        let courier = Courier::new(self.make_transport(request_timeout)?, self.runtime.clone());
        let (codec, dead_letters, disk) = (&self.codec, self.dead_letters, self.disk);
        let waiting = |upload, courier| {
            let format = codec.format().ok_or(ConfigError::Unusable {
                setting: "codec",
                why: "records cannot be written before they are sent",
            })?;
            Ok::<_, ConfigError>(Parts {
                format,
                upload,
                courier,
                dead_letters,
                disk,
            })
        };
        let delivery: Arc<dyn Delivery> = match self.strategy {
            Strategy::Immediate(Immediate) => Arc::new(AtOnce::new(upload, courier)),
            Strategy::Buffered(settings) => {
                settings.check()?;
                Arc::new(FillAndSend::new(settings, waiting(upload, courier)?))
            }
            Strategy::Asynchronous(settings) => {
                settings.check()?;
                Arc::new(Background::new(settings, waiting(upload, courier)?))
            }
            Strategy::DebugPrint(settings) => {
                let at_once = AtOnce::new(upload, courier);
                let ids = (&*project.product_id, &*project.data_source_id);
                Arc::new(Printer::new(settings, at_once, ids.0, ids.1))
            }
            Strategy::Own(own) => own,
        };
        let shared = Shared {
            delivery,
            counters,
            clock: self.clock,
            rules: self.rules,
            sdk: self.sdk,
            presets: self.presets,
            request_timeout,
            close_wait: self.close_wait,
            runtime: self.runtime,
        };
        Ok(Tracker::of(shared, project))
    }

    fn check_disk(&self) -> Result<(), ConfigError> {
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        if !matches!(
            self.strategy,
            Strategy::Buffered(_) | Strategy::Asynchronous(_)
        ) {
            return Err(ConfigError::Unusable {
                setting: "spool",
                why: "nothing waits with this strategy",
            });
        }
        // Opened and given back, so that a folder that cannot be used is found now.
        match Disk::open(disk) {
            Ok(mut opened) => {
                opened.close();
                Ok(())
            }
            Err(error) => Err(ConfigError::Spool(error.to_string())),
        }
    }

    #[cfg(feature = "https")]
    fn make_transport(&self, request_timeout: Duration) -> Result<MakeTransport, ConfigError> {
        use telemetry_delivery::HttpsTransport;

        if let Some(transport) = self.transport.clone() {
            return Ok(Arc::new(move || transport.clone()));
        }
        let connect_timeout = self.connect_timeout.unwrap_or(request_timeout);
        let mut config = self
            .https
            .clone()
            .with_attempt_timeout(request_timeout)
            .with_connect_timeout(connect_timeout);
        if !self.verify_cert {
            config = config.with_unverified_certificates();
        }
        // Made once here, so that a setting that cannot work is found now.
        let first = HttpsTransport::new(config.clone())?;
        // The environment may name an unusable proxy later; the first one knows the old.
        Ok(made_again(first, move || {
            HttpsTransport::new(config.clone())
        }))
    }

    #[cfg(not(feature = "https"))]
    fn make_transport(&self, _request_timeout: Duration) -> Result<MakeTransport, ConfigError> {
        let transport = self.transport.clone();
        let transport = transport.ok_or(ConfigError::Missing {
            setting: "transport",
        })?;
        Ok(Arc::new(move || transport.clone()))
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for TrackerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackerBuilder")
            .field("product_id", &self.product_id)
            .field("data_source_id", &self.data_source_id)
            .field("codec", &self.codec)
            .field("strategy", &self.strategy)
            .field("retry", &self.retry)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
