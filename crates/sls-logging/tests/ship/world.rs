use std::time::Duration;

use sls_core::model::{LogGroup, LogstoreConfig};
use sls_local::{Fault, LocalServer};
use sls_logging::{Handler, HandlerBuilder};

pub(crate) const PROJECT: &str = "shop";
pub(crate) const LOGSTORE: &str = "app";

/// Longer than anything here takes, and than a folder of another process may stay unnoticed.
pub(crate) const LONG: Duration = Duration::from_secs(150);

/// A server on a runtime of its own, so that a test may block its thread.
pub(crate) struct World {
    pub(crate) server: LocalServer,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(async {
            let server = LocalServer::builder().start().await.unwrap();
            let service = server.service();
            service.create_project(PROJECT).await.unwrap();
            let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
            service.create_logstore(PROJECT, config).await.unwrap();
            server
        });
        Self { server, runtime }
    }

    /// A handler that writes to the logstore, by itself only what is left by others: a batch ends
    /// when the handler is flushed or closed, however slow the machine is in between.
    pub(crate) fn handler(&self) -> HandlerBuilder {
        Handler::builder()
            .endpoint(self.server.endpoint())
            .credentials(self.server.credentials())
            .project(PROJECT)
            .logstore(LOGSTORE)
            .put_wait(Duration::from_secs(3600))
            .close_wait(LONG)
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.server.service().inject(fault.on_operation("PutLogs"));
    }

    /// Waits until so many records have arrived.
    pub(crate) fn wait_for(&self, count: u64) {
        self.wait_for_in(LOGSTORE, count);
    }

    /// The same for another logstore.
    pub(crate) fn wait_for_in(&self, logstore: &str, count: u64) {
        let arrived = self.server.wait_for_logs(PROJECT, logstore, count, LONG);
        self.runtime.block_on(arrived).unwrap();
    }

    /// Makes another logstore in the project.
    #[cfg(feature = "spool")]
    pub(crate) fn create_logstore(&self, name: &str) {
        let config = LogstoreConfig::named(name).with_shard_count(1);
        let created = self.server.service().create_logstore(PROJECT, config);
        self.runtime.block_on(created).unwrap();
    }

    pub(crate) fn groups(&self) -> Vec<LogGroup> {
        let stored = self.server.logs(PROJECT, LOGSTORE);
        stored.into_iter().map(|stored| stored.group).collect()
    }

    /// The values that logs have under `key`, in order.
    pub(crate) fn values(&self, key: &str) -> Vec<String> {
        let mut values = Vec::new();
        for group in self.groups() {
            for log in group.logs {
                for content in log.contents {
                    if content.key.as_bytes() == key.as_bytes() {
                        values.push(content.value.to_string());
                    }
                }
            }
        }
        values
    }
}
