use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sls_core::Credentials;
use sls_spl::Options;
use telemetry_delivery::{Clock, SystemClock};

use super::LocalServer;
use super::connection::Limits;
use crate::clock::ServerClock;
use crate::engine::{DEFAULT_MAX_SHARDS, DiskStorage, Engine, MemoryStorage, PutRules, Storage};
use crate::error::Error;
use crate::growingio::{Collector, Settings};
use crate::service::LocalService;
use crate::sls::{Face, HostNames, Keys, Programs};

/// The key that is accepted unless others are given.
const DEFAULT_KEY: (&str, &str) = ("local", "local-secret");

/// Settings of a server, made with [`LocalServer::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct LocalServerBuilder {
    listen: SocketAddr,
    keys: Vec<Credentials>,
    no_auth: bool,
    clock: Arc<dyn Clock>,
    memory_budget: Option<usize>,
    data: Option<PathBuf>,
    region: String,
    query: Options,
    hosts: HostNames,
    rules: PutRules,
    max_shards: u32,
    limits: Limits,
    collector: Settings,
}

impl Default for LocalServerBuilder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keys: Vec::new(),
            no_auth: false,
            clock: Arc::new(SystemClock),
            memory_budget: None,
            data: None,
            region: "local".to_owned(),
            query: Options::default(),
            hosts: HostNames::default(),
            rules: PutRules::default(),
            max_shards: Self::DEFAULT_MAX_SHARDS,
            limits: Limits::default(),
            collector: Settings {
                strict: false,
                budget: Self::DEFAULT_GROWINGIO_BUDGET,
            },
        }
    }
}

impl LocalServerBuilder {
    /// Room for log groups unless told otherwise: 1 GiB.
    pub const DEFAULT_MEMORY_BUDGET: usize = 1 << 30;

    /// Memory for what was read from a data folder unless told otherwise: 64 MiB.
    pub const DEFAULT_CACHE: usize = 64 << 20;

    /// Room for what trackers of GrowingIO send unless told otherwise: 64 MiB.
    pub const DEFAULT_GROWINGIO_BUDGET: usize = 64 << 20;

    /// How many shards of a logstore take writes at most, unless told otherwise: 256.
    pub const DEFAULT_MAX_SHARDS: u32 = DEFAULT_MAX_SHARDS;

    /// Listens on this address. Default: a free port of 127.0.0.1.
    ///
    /// Whoever reaches another address than a loopback one can try keys; a warning is
    /// logged for those.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Accepts this key. Default: `local` with `local-secret`, unless any is given.
    ///
    /// Several keys may have one id, for instance temporary ones before and after renewal.
    pub fn access_key(mut self, key: Credentials) -> Self {
        self.keys.push(key);
        self
    }

    /// Accepts everybody, signed or not. Default: no.
    pub fn no_auth(mut self, open: bool) -> Self {
        self.no_auth = open;
        self
    }

    /// Takes the time from this clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Keeps at most so many bytes of log groups. Default: 1 GiB.
    ///
    /// When they are used up, puts are refused with `WriteQuotaExceed` until logs expire or
    /// are deleted. With a [data folder](Self::data) these are the bytes of it that are kept in
    /// memory as well, 64 MiB by default, and nothing is refused on their account.
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.memory_budget = Some(bytes);
        self
    }

    /// Divides about so many bytes among everything that grows: log groups or what is cached
    /// of them, bodies and answers on their way, and what trackers of GrowingIO send. Default:
    /// each has a budget of its own.
    ///
    /// What the program itself needs, some 16 MiB and what queries compute with, is beyond it.
    /// A later call that sets one of the budgets changes that one.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        let sixteenth = bytes / 16;
        self.memory_budget = Some(6 * sixteenth);
        self.limits.body_bytes = 2 * sixteenth;
        self.limits.answer_bytes = 2 * sixteenth;
        self.collector.budget = sixteenth;
        self
    }

    /// Keeps everything in this folder, which is made when it is not there, and begins with
    /// what is in it: projects, logstores, shards, logs, consumer groups with their
    /// checkpoints, and what trackers sent. Default: everything is in memory.
    ///
    /// What was acknowledged is safe even when the process or the machine dies at once. One
    /// server at a time may use a folder. The server's clock and faults are not kept.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Keeps at most about so many bytes of what trackers of GrowingIO send. Default: 64 MiB.
    ///
    /// When they are used up, the oldest requests are dropped with their events, and counted
    /// in [`GrowingIoCounts`](crate::GrowingIoCounts).
    pub fn growingio_budget(mut self, bytes: usize) -> Self {
        self.collector.budget = bytes;
        self
    }

    /// Refuses what GrowingIO's manual calls incomplete, with 400 and the reason. Default:
    /// no, it is accepted as by the service, with a warning on the event.
    pub fn growingio_strict(mut self, strict: bool) -> Self {
        self.collector.strict = strict;
        self
    }

    /// Says that projects are in this region. Default: `local`.
    ///
    /// Signatures of version 4 are accepted for any region.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Also answers to a host name, or with `*.` in front to all names one label longer.
    ///
    /// Always answered are `localhost`, IP addresses, `*.log.aliyuncs.com` and
    /// `*.sls.aliyuncs.com`, all with and without a project in front.
    pub fn host(mut self, pattern: &str) -> Self {
        self.hosts.add(pattern);
        self
    }

    /// Reads and prints local times in queries in this zone of the IANA database.
    /// Default: `Asia/Shanghai`.
    ///
    /// With an unknown name every query is refused.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.query = self.query.with_time_zone(name);
        self
    }

    /// Lets a query take so long for one pull. Default: 5 seconds, as on the service.
    pub fn query_timeout(mut self, timeout: Duration) -> Self {
        self.query = self.query.with_time_limit(timeout);
        self
    }

    /// Refuses logs whose time is too far before or after the time of their arrival.
    /// Default: any time is accepted.
    pub fn log_time_window(mut self, before: Duration, after: Duration) -> Self {
        self.rules.log_time_window = Some((before, after));
        self
    }

    /// Refuses keys and values that are not UTF-8. Default: no, any bytes are kept.
    pub fn utf8_only(mut self, refuse: bool) -> Self {
        self.rules.utf8_only = refuse;
        self
    }

    /// Lets so many shards of one logstore take writes, at least 1, and has room for four times
    /// as many with the closed ones. Default: 256, as on the service.
    ///
    /// For tests of programs with more shards than one account usually has. A data folder that
    /// has more keeps them; they cannot be split.
    pub fn max_shards(mut self, shards: u32) -> Self {
        self.max_shards = shards.max(1);
        self
    }

    /// Serves at most so many connections at a time; more wait to be accepted.
    /// Default: 1024.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// Gives a client so long for the head of a request, which is also how long an idle
    /// connection is kept. Default: 30 seconds.
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.limits.head_timeout = timeout;
        self
    }

    /// Gives a client so long for the body of a request. Default: 30 seconds.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.limits.body_timeout = timeout;
        self
    }

    /// Hangs up on a client that does not read its answer for so long, or reads less than
    /// 64 KiB in that time. Default: 30 seconds.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout;
        self
    }

    /// Keeps at most so many bytes of large answers in memory that clients have not read yet,
    /// all connections together. Default: 256 MiB.
    ///
    /// A request whose answer finds no room within the [`write_timeout`](Self::write_timeout)
    /// is refused with 503 `ServerBusy`. One answer always has room.
    pub fn answer_budget(mut self, bytes: usize) -> Self {
        self.limits.answer_bytes = bytes;
        self
    }

    /// Builds the service without a socket.
    ///
    /// # Panics
    /// With a [data folder](Self::data), since that can fail; see
    /// [`open_service`](Self::open_service).
    pub fn into_service(self) -> LocalService {
        assert!(
            self.data.is_none(),
            "a service with a data folder is opened with `open_service`"
        );
        let built = self.build();
        built.expect("memory that holds nothing yet can be used").0
    }

    /// Opens the service without a socket. Blocks; a folder whose server was killed is read and
    /// checked first, which takes the longer the more there is.
    ///
    /// # Errors
    /// [`Error::Data`] when the [data folder](Self::data) cannot be used.
    pub fn open_service(self) -> Result<LocalService, Error> {
        Ok(self.build()?.0)
    }

    /// Starts listening, and a task that serves until the returned handle ends it.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or not ours, [`Error::Data`] when the
    /// [data folder](Self::data) cannot be used.
    pub async fn start(self) -> Result<LocalServer, Error> {
        let (listen, limits) = (self.listen, self.limits);
        let (service, credentials) = if self.data.is_some() {
            let opened = tokio::task::spawn_blocking(move || self.build());
            match opened.await {
                Ok(built) => built?,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        } else {
            self.build()?
        };
        LocalServer::start(listen, limits, service, credentials).await
    }

    fn build(self) -> Result<(LocalService, Credentials), Error> {
        let mut keys = self.keys;
        if keys.is_empty() {
            keys.push(Credentials::new(DEFAULT_KEY.0, DEFAULT_KEY.1));
        }
        let credentials = keys[0].clone();
        let clock = ServerClock::new(self.clock);
        let folder = self.data.unwrap_or_default();
        let storage: Arc<dyn Storage> = if folder.as_os_str().is_empty() {
            let budget = self.memory_budget.unwrap_or(Self::DEFAULT_MEMORY_BUDGET);
            Arc::new(MemoryStorage::new(budget))
        } else {
            let cache = self.memory_budget.unwrap_or(Self::DEFAULT_CACHE);
            let opened = DiskStorage::open(&folder, cache);
            Arc::new(opened.map_err(|cause| Error::data(&folder, cause))?)
        };
        let collector = Collector::open(self.collector, Arc::clone(&storage));
        let engine = Engine::open(storage, self.rules, self.max_shards, clock.now());
        let face = Face::new(
            engine.map_err(|cause| Error::data(&folder, cause))?,
            if self.no_auth {
                Keys::open()
            } else {
                Keys::new(keys)
            },
            self.hosts,
            self.region,
            Programs::new(self.query),
            clock,
            collector.map_err(|cause| Error::data(&folder, cause))?,
        );
        Ok((LocalService::new(face), credentials))
    }
}
