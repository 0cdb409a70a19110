//! Server, interpreter and keys of one run.

use std::fmt;

use serde_json::Value;
use sls_client::{Client, Credentials, LogstoreHandle, StaticCredentials};
use sls_core::model::{CursorPosition, LogGroup, LogstoreConfig, ShardId};
use suites::clients::program::{Answer, Program};
use suites::clients::python::Python;
use suites::clients::server::ServerProcess;
use suites::clients::{Result, build};

/// Where most checks have their logstores.
pub(crate) const PROJECT: &str = "suite-python";
/// Version 4 signs for a region; a local server is in any.
pub(crate) const REGION: &str = "cn-hangzhou";

const KEY: &str = "suite:suite-secret";
const TEMPORARY_KEY: &str = "STS.suite:sts-secret:sts-token";

/// The name under which Python is told to find the server.
///
/// Python joins project and endpoint, `suite-python.localhost`, and connects to that name.
/// Not every system resolves names below `localhost`, and an address with a port is joined
/// in the same way. So the server is given as a proxy, which is asked for the whole URL
/// and resolves nothing: it takes the project from `Host`.
const ENDPOINT: &str = "http://localhost";
/// An address alone is not joined with the project; only `Host` tells it then.
const RAW_ENDPOINT: &str = "127.0.0.1";

/// One run of the suite.
#[derive(Debug)]
pub(crate) struct World {
    server: ServerProcess,
    python: Python,
    pub(crate) client: Client,
}

/// How a Python client is set up.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    what: &'static str,
    endpoint: &'static str,
    version: &'static str,
    region: &'static str,
    credentials: Credentials,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl World {
    /// Builds and starts the server, and makes the project.
    pub(crate) async fn start(python: Python) -> Result<Self> {
        let program = build::build("sls-local").await?;
        let keys = ["--access-key", KEY, "--access-key", TEMPORARY_KEY];
        let server = ServerProcess::start(&program, &keys).await?;
        let credentials = StaticCredentials::new(server.credentials());
        let client = Client::builder(server.url().parse()?, credentials).build()?;
        client.project(PROJECT).create("clients-python").await?;
        Ok(Self {
            server,
            python,
            client,
        })
    }

    /// Ends the server; the next call of a client would find nobody.
    pub(crate) async fn stop(self) -> Result<u64> {
        self.server.stop().await?;
        Ok(0)
    }

    /// A client like `client` with another setting.
    pub(crate) fn builder(&self) -> sls_client::ClientBuilder {
        let credentials = StaticCredentials::new(self.server.credentials());
        Client::builder(self.client.endpoint().clone(), credentials)
    }

    /// Makes a logstore for one check.
    pub(crate) async fn logstore(&self, name: &str, shards: u32) -> Result<LogstoreHandle> {
        let logstore = self.client.logstore(PROJECT, name);
        let config = LogstoreConfig::named(name).with_shard_count(shards);
        logstore.create(config).await?;
        Ok(logstore)
    }

    /// The key that the server tells, and signature version 1.
    pub(crate) fn access(&self) -> Access {
        Access {
            what: "signature v1",
            endpoint: ENDPOINT,
            version: "v1",
            region: "",
            credentials: self.server.credentials(),
        }
    }

    /// As [`access`](Self::access), with signature version 4.
    pub(crate) fn access_v4(&self) -> Access {
        Access {
            what: "signature v4",
            version: "v4",
            region: REGION,
            ..self.access()
        }
    }

    /// All the ways to be let in.
    pub(crate) fn accesses(&self) -> [Access; 5] {
        let temporary = |access| Access {
            credentials: Credentials::new("STS.suite", "sts-secret")
                .with_security_token("sts-token"),
            ..access
        };
        [
            self.access(),
            self.access_v4(),
            Access {
                what: "temporary key, signature v1",
                ..temporary(self.access())
            },
            Access {
                what: "temporary key, signature v4",
                ..temporary(self.access_v4())
            },
            Access {
                what: "an address for a name",
                endpoint: RAW_ENDPOINT,
                ..self.access()
            },
        ]
    }

    /// One of the Python programs, about one logstore of the suite's project.
    pub(crate) fn program<'a>(
        &self,
        access: &Access,
        logstore: &str,
        name: &str,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Program {
        self.program_in(PROJECT, access, logstore, name, args)
    }

    /// One of the Python programs, about a logstore of another project.
    pub(crate) fn program_in<'a>(
        &self,
        project: &str,
        access: &Access,
        logstore: &str,
        name: &str,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Program {
        let mut command = self.python.program(name, args);
        for (name, _) in std::env::vars_os() {
            // What the machine says about proxies, exceptions from them included.
            if name.to_string_lossy().to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        let credentials = &access.credentials;
        command
            .env("http_proxy", self.server.url())
            .env("SLS_ENDPOINT", access.endpoint)
            .env("SLS_PROJECT", project)
            .env("SLS_LOGSTORE", logstore)
            .env("SLS_AUTH_VERSION", access.version)
            .env("SLS_REGION", access.region)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", credentials.access_key_id())
            .env(
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
                credentials.access_key_secret(),
            )
            .env_remove("ALIBABA_CLOUD_SECURITY_TOKEN");
        if let Some(token) = credentials.security_token() {
            command.env("ALIBABA_CLOUD_SECURITY_TOKEN", token);
        }
        Program::new(command)
    }

    /// What the guide's program printed: for each pull its log groups.
    pub(crate) async fn printed_pulls(&self, printed: &str) -> Result<Value> {
        let reader = self.python.program("printed_pulls.py", [""; 0]);
        let Answer { result, .. } = Program::new(reader).answer(printed).await?;
        Ok(result)
    }
}

/// Everything in a shard, group by group, as our client pulls it.
pub(crate) async fn read_shard(logstore: &LogstoreHandle, shard: ShardId) -> Result<Vec<LogGroup>> {
    let shard = logstore.shard(shard);
    let mut batches = shard.stream(CursorPosition::Begin).until_caught_up();
    let mut groups = Vec::new();
    while let Some(batch) = batches.next().await {
        groups.extend(batch?.groups().to_owned());
    }
    Ok(groups)
}
