//! The server that all sections log to, in this process.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use sls_core::model::LogstoreConfig;
use sls_local::{Fault, LocalServer};
use tokio::runtime::Runtime;

pub(crate) const PROJECT: &str = "suite-project";

/// The field that numbers the logs of one logstore from zero on.
pub(crate) const NUMBER: &str = "n";

/// A server and the runtime it lives on.
pub(crate) struct World {
    runtime: Runtime,
    server: LocalServer,
}

impl World {
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(crate) fn start_at(address: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let started = runtime.block_on(
            LocalServer::builder()
                .listen(address)
                .memory_budget(2 << 30)
                .start(),
        );
        let server = started.map_err(io::Error::other)?;
        let created = runtime.block_on(server.service().create_project(PROJECT));
        created.map_err(io::Error::other)?;
        Ok(Self { runtime, server })
    }

    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Makes an empty logstore.
    pub(crate) fn create(&self, logstore: &str) -> io::Result<()> {
        let config = LogstoreConfig::named(logstore).with_shard_count(1);
        let created = self.server.service().create_logstore(PROJECT, config);
        self.runtime.block_on(created).map_err(io::Error::other)
    }

    /// Answers every put so much later from now on.
    pub(crate) fn slow_down(&self, by: Duration) {
        let service = self.server.service();
        service.inject(Fault::delay(by).on_operation("PutLogs"));
    }

    /// How often each number arrived in a logstore.
    pub(crate) fn arrived(&self, logstore: &str) -> HashMap<u64, u64> {
        let mut arrived = HashMap::new();
        for number in self.values(logstore, NUMBER) {
            if let Ok(number) = number.parse() {
                *arrived.entry(number).or_default() += 1;
            }
        }
        arrived
    }

    /// All values that logs in a logstore have under `key`.
    pub(crate) fn values(&self, logstore: &str, key: &str) -> Vec<String> {
        let mut values = Vec::new();
        for stored in self.server.logs(PROJECT, logstore) {
            for log in &stored.group.logs {
                for content in &log.contents {
                    if content.key.as_bytes() == key.as_bytes() {
                        values.push(content.value.to_string());
                    }
                }
            }
        }
        values
    }
}
