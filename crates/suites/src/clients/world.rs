//! A server, its keys, and the programs of another language.

use std::fmt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sls_client::{Client, Credentials, LogstoreHandle, StaticCredentials};
use sls_core::model::{CursorPosition, LogGroup, LogstoreConfig, ShardId};

use super::Result;
use super::program::Program;
use super::server::ServerProcess;

/// Where most checks have their logstores.
pub const PROJECT: &str = "suite-clients";
/// Version 4 signs for a region; a local server is in any.
pub const REGION: &str = "cn-hangzhou";

const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// The name under which clients are told to find the server.
///
/// They join project and endpoint, `suite-clients.localhost`, and connect to that name.
/// Not every system resolves names below `localhost`, and an address with a port is joined
/// in the same way. So the server is given as a proxy, which is asked for the whole URL
/// and resolves nothing: it takes the project from `Host`.
const ENDPOINT: &str = "http://localhost";
/// An address alone is not joined with the project; only `Host` tells it then.
const RAW_ENDPOINT: &str = "127.0.0.1";

/// The programs around a client in another language. Generic: a suite has one kind.
pub trait Programs: Send + Sync {
    /// The command line that starts one of them.
    fn command<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a str>) -> Command;
}

/// A server, a client of ours, and all that another client needs to be one of this server.
#[derive(Debug)]
pub struct World<P> {
    server: ServerProcess,
    programs: P,
    credentials: Credentials,
    /// Our client.
    pub client: Client,
}

/// How another client is set up.
#[derive(Debug, Clone)]
pub struct Access {
    what: &'static str,
    endpoint: &'static str,
    route: &'static str,
    version: &'static str,
    region: &'static str,
    credentials: Credentials,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl<P: Programs> World<P> {
    /// Starts the server as everybody does, and uses the key that it tells.
    ///
    /// # Errors
    /// When the server does not start, or does not take its own key.
    pub async fn start(programs: P, server: &Path) -> Result<Self> {
        let server = ServerProcess::start(server, &[], &[KEY_ID, KEY_SECRET]).await?;
        let told = |variable| server.export(variable).unwrap_or_default().to_owned();
        let credentials = Credentials::new(told(KEY_ID), told(KEY_SECRET));
        Self::with(programs, server, credentials).await
    }

    /// Starts the server with a key of ours and a temporary one.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with_keys(programs: P, server: &Path) -> Result<Self> {
        let keys = [
            "--access-key",
            "suite:suite-secret",
            "--access-key",
            "STS.suite:sts-secret:sts-token",
        ];
        let server = ServerProcess::start(server, &keys, &[]).await?;
        Self::with(programs, server, Credentials::new("suite", "suite-secret")).await
    }

    async fn with(programs: P, server: ServerProcess, credentials: Credentials) -> Result<Self> {
        let provider = StaticCredentials::new(credentials.clone());
        let client = Client::builder(server.url().parse()?, provider).build()?;
        client.project(PROJECT).create("made by a suite").await?;
        Ok(Self {
            server,
            programs,
            credentials,
            client,
        })
    }

    /// Where the server listens.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// What the server shows of itself below `/_local/`.
    ///
    /// # Errors
    /// When it refuses, or does not answer.
    pub async fn shown(&self, target: &str) -> Result<Value> {
        self.server.shown(target).await
    }

    /// Asks the server for trouble, as `/_local/faults` describes it.
    ///
    /// # Errors
    /// When it refuses, or does not answer.
    pub async fn inject(&self, fault: &Value) -> Result<()> {
        self.server.change("POST", "/_local/faults", fault).await
    }

    /// Ends the server as an operator would.
    ///
    /// # Errors
    /// When it does not end, or not as it should.
    pub async fn stop(self) -> Result<()> {
        self.server.stop().await
    }

    /// Starts to configure a client like `client`.
    pub fn builder(&self) -> sls_client::ClientBuilder {
        let credentials = StaticCredentials::new(self.credentials.clone());
        Client::builder(self.client.endpoint().clone(), credentials)
    }

    /// Makes a logstore for one check.
    ///
    /// # Errors
    /// When there is one of that name.
    pub async fn logstore(&self, name: &str, shards: u32) -> Result<LogstoreHandle> {
        let logstore = self.client.logstore(PROJECT, name);
        let config = LogstoreConfig::named(name).with_shard_count(shards);
        logstore.create(config).await?;
        Ok(logstore)
    }

    /// The world's own key, and signature version 1.
    pub fn access(&self) -> Access {
        Access {
            what: "signature v1",
            endpoint: ENDPOINT,
            route: "",
            version: "v1",
            region: "",
            credentials: self.credentials.clone(),
        }
    }

    /// As [`access`](Self::access), with signature version 4.
    pub fn access_v4(&self) -> Access {
        Access {
            what: "signature v4",
            version: "v4",
            region: REGION,
            ..self.access()
        }
    }

    /// An address without a port as endpoint.
    pub fn access_by_address(&self) -> Access {
        Access {
            what: "an address for a name",
            endpoint: RAW_ENDPOINT,
            ..self.access()
        }
    }

    /// As [`access`](Self::access), for programs that connect to the server by themselves
    /// unless they are told to ask it as a proxy, as this one tells them.
    pub fn access_by_proxy(&self) -> Access {
        Access {
            what: "the server as a proxy",
            route: "proxy",
            ..self.access()
        }
    }

    /// As [`access`](Self::access), for a client that has a setting for the server's address,
    /// beside its name.
    pub fn access_to_address(&self) -> Access {
        Access {
            what: "an address of the server",
            route: "address",
            ..self.access()
        }
    }

    /// The temporary key of [`start_with_keys`](Self::start_with_keys), with both signatures.
    pub fn temporary_accesses(&self) -> [Access; 2] {
        let credentials =
            Credentials::new("STS.suite", "sts-secret").with_security_token("sts-token");
        [
            Access {
                what: "temporary key, signature v1",
                credentials: credentials.clone(),
                ..self.access()
            },
            Access {
                what: "temporary key, signature v4",
                credentials,
                ..self.access_v4()
            },
        ]
    }

    /// One of the programs, about one logstore of the suite's project.
    pub fn program<'a>(
        &self,
        access: &Access,
        logstore: &str,
        name: &str,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Program {
        self.program_in(PROJECT, access, logstore, name, args)
    }

    /// One of the programs, about a logstore of another project.
    pub fn program_in<'a>(
        &self,
        project: &str,
        access: &Access,
        logstore: &str,
        name: &str,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Program {
        let mut command = self.programs.command(name, args);
        self.lead_to_server(&mut command);
        let credentials = &access.credentials;
        command
            .env("SLS_ENDPOINT", access.endpoint)
            .env("SLS_PROJECT", project)
            .env("SLS_LOGSTORE", logstore)
            .env("SLS_ROUTE", access.route)
            .env("SLS_AUTH_VERSION", access.version)
            .env("SLS_REGION", access.region)
            .env(KEY_ID, credentials.access_key_id())
            .env(KEY_SECRET, credentials.access_key_secret())
            .env_remove(TOKEN);
        if let Some(token) = credentials.security_token() {
            command.env(TOKEN, token);
        }
        Program::new(command)
    }

    /// The programs themselves.
    pub fn programs(&self) -> &P {
        &self.programs
    }

    /// Makes the server the proxy of a program, and the only one, and gives the endpoint and
    /// the key to name to it.
    pub fn lead_to_server(&self, command: &mut Command) -> (&'static str, &Credentials) {
        without_proxies(command);
        command.env("http_proxy", self.server.url());
        (ENDPOINT, &self.credentials)
    }
}

/// Takes from a program what the machine says about proxies, exceptions from them included.
pub fn without_proxies(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
}

/// Everything in a shard, group by group, as our client pulls it.
///
/// # Errors
/// When a pull fails.
pub async fn read_shard(logstore: &LogstoreHandle, shard: ShardId) -> Result<Vec<LogGroup>> {
    let shard = logstore.shard(shard);
    let mut batches = shard.stream(CursorPosition::Begin).until_caught_up();
    let mut groups = Vec::new();
    while let Some(batch) = batches.next().await {
        groups.extend(batch?.groups().to_owned());
    }
    Ok(groups)
}
