//! The program, its clients and its folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sls_client::{Client, Credentials, LogstoreHandle, StaticCredentials};
use suites::clients::Result;
use suites::clients::server::ServerProcess;
use telemetry_delivery::RetryConfig;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const PROJECT: &str = "suite-durability";
pub(crate) const LOGSTORE: &str = "written";
pub(crate) const GROUP: &str = "readers";

const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/// After a kill everything is read and checked, without optimisations on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(180);

/// `sls-local`, as it was built when the suite began: a copy, so that it can be built anew
/// meanwhile.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    _folder: TempDir,
}

impl Program {
    pub(crate) fn copy_of(built: &Path) -> Result<Self> {
        let folder = folder()?;
        let path = folder.path().join("sls-local");
        std::fs::copy(built, &path)?;
        Ok(Self {
            path,
            _folder: folder,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts it over a folder, with further arguments.
    pub(crate) async fn start(&self, folder: &Path, args: &[&str]) -> Result<Server> {
        let folder = folder.to_str().ok_or("the folder's name is not UTF-8")?;
        let mut all = vec!["--data", folder];
        all.extend(args);
        let keys = [KEY_ID, KEY_SECRET];
        let process = ServerProcess::start_within(START_LIMIT, &self.path, &all, &keys).await?;
        Server::new(process)
    }
}

/// A folder of its own for one check.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir()?)
}

/// A running server.
pub(crate) struct Server {
    process: ServerProcess,
    client: Client,
}

impl Server {
    pub(crate) fn new(process: ServerProcess) -> Result<Self> {
        let key = |name| {
            process
                .export(name)
                .ok_or("the server does not tell its key")
        };
        let key = Credentials::new(key(KEY_ID)?, key(KEY_SECRET)?);
        let endpoint = process.url().parse()?;
        let client = Client::builder(endpoint, StaticCredentials::new(key))
            // What is sent twice could be stored twice, and that is not to be hidden.
            .with_retry(RetryConfig::default().with_max_attempts(1))
            .build()?;
        Ok(Self { process, client })
    }

    pub(crate) fn logstore(&self) -> LogstoreHandle {
        self.client.logstore(PROJECT, LOGSTORE)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn address(&self) -> String {
        let url = self.process.url();
        url.trim_start_matches("http://").to_owned()
    }

    pub(crate) fn process(&self) -> &ServerProcess {
        &self.process
    }

    /// Kills it as `kill -9` does, and returns when it is gone.
    pub(crate) async fn kill(self) -> Result<()> {
        self.process.kill().await
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

/// Sends a tracked event; whether it was taken.
pub(crate) async fn track(address: &str, name: &str) -> Result<bool> {
    let body = format!(
        r#"[{{"eventType":"CUSTOM","eventName":"{name}","deviceId":"d","timestamp":1700000000000,"dataSourceId":"s","projectKey":"p"}}]"#
    );
    let head = format!(
        "POST /v3/projects/p/collect?stm=1700000000000 HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), exchange).await??;
    Ok(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\n"))
}
