use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use log::Log as _;
use sls_core::model::LogstoreConfig;
use sls_local::LocalServer;
use sls_logging::config::{Logging, LoggingGuard, Settings, Syntax};
use tempfile::TempPath;
use tracing_subscriber::prelude::*;

pub(crate) const PROJECT: &str = "shop";

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A server on a runtime of its own, so that a test may block its thread.
pub(crate) struct World {
    server: LocalServer,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    /// With the logstores `one` and `two`.
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
            for name in ["one", "two"] {
                let config = LogstoreConfig::named(name).with_shard_count(1);
                service.create_logstore(PROJECT, config).await.unwrap();
            }
            server
        });
        Self {
            server,
            _runtime: runtime,
        }
    }

    /// The table of a handler that writes to a logstore, under the logstore's name. What it has
    /// waits to be flushed: batches that follow each other closely may arrive in any order.
    pub(crate) fn handler(&self, logstore: &str, more: &str) -> String {
        let key = self.server.credentials();
        format!(
            "[handlers.{logstore}]\ntype = \"sls\"\nendpoint = \"{}\"\nproject = \"{PROJECT}\"\n\
             logstore = \"{logstore}\"\naccess_key_id = \"{}\"\naccess_key_secret = \"{}\"\n\
             put_wait = \"1h\"\nclose_wait = 30\n{more}\n",
            self.server.endpoint(),
            key.access_key_id(),
            key.access_key_secret(),
        )
    }

    /// A text in which the address, key, project and logstore are written out, with ours.
    pub(crate) fn here(&self, text: &str, logstore: &str) -> String {
        let key = self.server.credentials();
        [
            ("cn-beijing.log.aliyuncs.com", &*self.server.endpoint()),
            ("ak_id", key.access_key_id()),
            ("ak_key", key.access_key_secret()),
            ("project1", PROJECT),
            ("logstore1", logstore),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (there, here)| {
            text.replace(there, here)
        })
    }

    /// Starts what a text in TOML says.
    pub(crate) fn start(&self, text: &str) -> (Logging, LoggingGuard) {
        let settings = Settings::from_str(text, Syntax::Toml).unwrap();
        settings.start().unwrap()
    }

    /// The names of the fields of the first log of a logstore, sorted.
    pub(crate) fn keys(&self, logstore: &str) -> Vec<String> {
        let groups = self.server.logs(PROJECT, logstore);
        let contents = &groups[0].group.logs[0].contents;
        let mut keys: Vec<_> = contents.iter().map(|pair| pair.key.to_string()).collect();
        keys.sort();
        keys
    }

    /// What the logs of a logstore have under `key`, in order; an absent one is empty.
    pub(crate) fn values(&self, logstore: &str, key: &str) -> Vec<String> {
        let groups = self.server.logs(PROJECT, logstore);
        let logs = groups.iter().flat_map(|stored| &stored.group.logs);
        logs.map(|log| {
            let mut contents = log.contents.iter();
            let found = contents.find(|pair| pair.key.as_bytes() == key.as_bytes());
            found.map_or_else(String::new, |pair| pair.value.to_string())
        })
        .collect()
    }
}

/// Runs `f` under a subscriber with this layer, the only one of the process meanwhile: what a call
/// site is to do is remembered for all subscribers together.
pub(crate) fn with_layer(logging: &Logging, f: impl FnOnce()) {
    static ONLY: Mutex<()> = Mutex::new(());
    let _only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    let subscriber = tracing_subscriber::registry().with(logging.layer());
    tracing::subscriber::with_default(subscriber, f);
}

/// Logs through the front end of `log` without installing it.
pub(crate) fn log(logging: &Logging, level: log::Level, target: &str, message: &str) {
    logging.logger().log(
        &log::Record::builder()
            .level(level)
            .target(target)
            .args(format_args!("{message}"))
            .module_path(Some("shop::till"))
            .file(Some("src/till.rs"))
            .line(Some(7))
            .build(),
    );
}

/// A new file with this text, removed in the end.
pub(crate) fn file(extension: &str, text: &str) -> TempPath {
    let suffix = format!(".{extension}");
    let file = tempfile::Builder::new().suffix(&suffix).tempfile();
    let path = file.unwrap().into_temp_path();
    std::fs::write(&path, text).unwrap();
    path
}
