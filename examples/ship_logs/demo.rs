//! Runs the program for each configuration, with a server in this process.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sls_core::model::LogstoreConfig;
use sls_local::LocalServer;

const PROJECT: &str = "sample-project";
const LOGSTORE: &str = "logstore";

/// The files beside this one.
pub(crate) const CONFIGURATIONS: [&str; 3] = ["logging.toml", "few-fields.toml", "logging.conf"];

/// What one configuration led to.
pub(crate) struct Run {
    /// What the program wrote to its standard output.
    pub(crate) console: String,
    pub(crate) topic: String,
    /// The logs that arrived, each as its pairs.
    pub(crate) logs: Vec<Vec<(String, String)>>,
}

/// Where a configuration is.
pub(crate) fn path_of(configuration: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("ship_logs")
        .join(configuration)
}

/// Starts the program in a process of its own, with the variables that the files ask for,
/// and tells what arrived by the time it had ended.
pub(crate) async fn run(configuration: &str) -> Result<Run, Box<dyn Error>> {
    let server = LocalServer::builder().start().await?;
    let service = server.service();
    service.create_project(PROJECT).await?;
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    service.create_logstore(PROJECT, config).await?;
    let key = server.credentials();
    let mut program = Command::new(std::env::current_exe()?);
    program
        .arg("--config")
        .arg(path_of(configuration))
        .env("ALIYUN_LOG_SAMPLE_ENDPOINT", server.endpoint())
        .env("ALIYUN_LOG_SAMPLE_ACCESSID", key.access_key_id())
        .env("ALIYUN_LOG_SAMPLE_ACCESSKEY", key.access_key_secret())
        .env("ALIYUN_LOG_SAMPLE_TMP_PROJECT", PROJECT)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let ended = tokio::task::spawn_blocking(move || program.output()).await??;
    if !ended.status.success() {
        return Err(format!(
            "the program with {configuration} ended with {}",
            ended.status
        )
        .into());
    }
    let stored = server.logs(PROJECT, LOGSTORE);
    let topics = stored.iter().filter_map(|group| group.group.topic.as_ref());
    let topic = topics.map(ToString::to_string).next().unwrap_or_default();
    let logs = stored.iter().flat_map(|group| &group.group.logs);
    let logs = logs.map(|log| {
        let pairs = log.contents.iter();
        let pairs = pairs.map(|pair| (pair.key.to_string(), pair.value.to_string()));
        pairs.collect()
    });
    Ok(Run {
        console: String::from_utf8(ended.stdout)?,
        topic,
        logs: logs.collect(),
    })
}
