use std::env;
use std::error::Error as _;

use aliyun_log_rust_sdk::{Client, Config, Error, FromConfig as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why a program ended early, in words.
pub(crate) type Failure = Box<dyn std::error::Error>;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// A client of the server that the environment names, and the number of calls it made.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
    pub(crate) key: (String, String),
    pub(crate) project: String,
    pub(crate) logstore: String,
    calls: u64,
}

impl Session {
    pub(crate) fn from_environment() -> Result<Self> {
        let key = (
            variable("ALIBABA_CLOUD_ACCESS_KEY_ID")?,
            variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET")?,
        );
        let endpoint = variable("SLS_ENDPOINT")?;
        let token = env::var("ALIBABA_CLOUD_SECURITY_TOKEN").ok();
        Ok(Self {
            client: connect(&endpoint, &key.0, &key.1, token.as_deref())?,
            endpoint,
            key,
            project: variable("SLS_PROJECT")?,
            logstore: variable("SLS_LOGSTORE")?,
            calls: 0,
        })
    }

    /// Waits for a call and counts it.
    pub(crate) async fn call<T>(&mut self, call: impl Future<Output = T>) -> T {
        self.count(1);
        call.await
    }

    pub(crate) fn count(&mut self, calls: u64) {
        self.calls += calls;
    }

    /// Ends a program: prints what it found.
    pub(crate) fn answer(&self, result: &Value) {
        println!("{}", json!({"calls": self.calls, "result": result}));
    }
}

pub(crate) fn connect(
    endpoint: &str,
    id: &str,
    secret: &str,
    token: Option<&str>,
) -> Result<Client> {
    let config = Config::builder().endpoint(endpoint);
    let config = match token {
        Some(token) => config.sts(id, secret, token),
        None => config.access_key(id, secret),
    };
    Ok(Client::from_config(config.build()?)?)
}

/// What standard input holds.
pub(crate) fn input<T: DeserializeOwned>() -> Result<T> {
    Ok(serde_json::from_reader(std::io::stdin())?)
}

/// The service's code for a refusal; every other error is a failure.
pub(crate) fn refused<T>(result: Result<T, Error>) -> Result<Value> {
    match result {
        Ok(_) => Ok(Value::Null),
        Err(Error::Server { error_code, .. }) => Ok(json!(error_code)),
        Err(other) => Err(chain(&other).into()),
    }
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}
