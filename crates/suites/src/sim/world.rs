use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sls_core::api::{HeartBeat, Operation};
use telemetry_delivery::Clock;
use tokio::time::Instant;

use super::Flaw;
use super::judge::{Judge, WorkerId};
use super::server::Server;
use crate::random::Random;

pub(super) const PROJECT: &str = "shop";
pub(super) const LOGSTORE: &str = "orders";
pub(super) const GROUP: &str = "g";

/// From the sending of a heartbeat to the next.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the service waits for a heartbeat.
pub(super) const TIMEOUT: Duration = Duration::from_secs(8);
/// The longest that a request is on its way.
pub(super) const SETTLE: Duration = Duration::from_secs(6);
/// How long a client waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What the workers, the network and the scenario share.
pub(super) struct World {
    server: Mutex<Server>,
    pub(super) flaw: Option<Flaw>,
    began: Instant,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) random: Random,
    pub(super) judge: Judge,
    /// Whether anything goes wrong at all.
    pub(super) has_trouble: bool,
    pub(super) is_down: bool,
    /// Workers that the service cannot be reached from.
    pub(super) cut_off: BTreeSet<WorkerId>,
    /// Requests that reached the service, by operation.
    pub(super) calls: BTreeMap<&'static str, u64>,
    /// When heartbeats of each worker reached it.
    pub(super) heard: BTreeMap<WorkerId, Heard>,
    pub(super) events: u64,
    pub(super) trace: Option<Vec<String>>,
}

/// The first and the last heartbeat of a worker that reached the service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) first: Instant,
    pub(super) last: Instant,
}

impl State {
    /// A request has reached the service.
    pub(super) fn arrived(&mut self, worker: WorkerId, operation: &'static str) {
        *self.calls.entry(operation).or_default() += 1;
        if operation == HeartBeat::NAME {
            let last = Instant::now();
            let first = Heard { first: last, last };
            self.heard.entry(worker).or_insert(first).last = last;
        }
    }
}

impl World {
    pub(super) fn new(
        random: Random,
        judge: Judge,
        server: Server,
        flaw: Option<Flaw>,
        with_trace: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            server: Mutex::new(server),
            flaw,
            began: Instant::now(),
            state: Mutex::new(State {
                random,
                judge,
                has_trouble: true,
                is_down: false,
                cut_off: BTreeSet::new(),
                calls: BTreeMap::new(),
                heard: BTreeMap::new(),
                events: 0,
                trace: with_trace.then(Vec::new),
            }),
        })
    }

    /// Looks at or changes what is shared; nothing in it may call back.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the service directly, as no worker can.
    pub(super) fn ask<O: Operation>(&self, operation: &O) -> Result<O::Reply, sls_core::Error> {
        self.with_server(|server| server.ask(operation))
    }

    /// Which life of the server this is.
    pub(super) fn incarnation(&self) -> u32 {
        self.with_server(|server| server.incarnation())
    }

    /// Takes the server down, and with it every connection.
    pub(super) fn take_down(&self) {
        self.with(|state| state.is_down = true);
        self.with_server(Server::down);
    }

    /// Brings it up again.
    pub(super) fn bring_up(&self) {
        self.with_server(Server::up);
        self.with(|state| state.is_down = false);
    }

    fn with_server<T>(&self, act: impl FnOnce(&mut Server) -> T) -> T {
        act(&mut self.server.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts something that happened, and writes it down when that is wanted.
    pub(super) fn note(&self, what: fmt::Arguments<'_>) {
        let seconds = self.began.elapsed().as_secs_f64();
        self.with(|state| {
            state.events += 1;
            if let Some(trace) = &mut state.trace {
                trace.push(format!("{seconds:9.3} {what}"));
            }
        });
    }
}

/// A wall clock over the runtime's paused one, that jumps when it is told to.
#[derive(Debug, Clone)]
pub(super) struct WallClock {
    began: Instant,
    ahead_millis: Arc<AtomicI64>,
}

impl Default for WallClock {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            ahead_millis: Arc::default(),
        }
    }
}

impl WallClock {
    pub(super) fn jump(&self, millis: i64) {
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        let ahead = self.ahead_millis.load(Ordering::Relaxed);
        // Far enough from 1970 for a clock that goes wrong.
        let base = UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.began.elapsed();
        let by = Duration::from_millis(ahead.unsigned_abs());
        if ahead < 0 { base - by } else { base + by }
    }
}
