use std::error::Error as StdError;
#[cfg(feature = "spool")]
use std::fmt::Write as _;
use std::sync::Arc;

use sls_client::{Client, LogstoreHandle};
use sls_core::credentials::CredentialsProvider;
use sls_core::service::{LogSink, RawGroup};
use sls_core::wire::EncodedGroup;
use sls_core::{BoxError, Call, Endpoint};
use telemetry_delivery::{Clock, RetryConfig};

use super::builder::{HandlerBuilder, Signature};
use crate::error::Error;
use crate::local_address::local_address_towards;

/// A logstore of the service, as it was set up; known to be reachable in principle.
#[derive(Debug)]
pub(crate) struct Destination {
    endpoint: Endpoint,
    credentials: Arc<dyn CredentialsProvider>,
    project: String,
    logstore: String,
    signature: Signature,
    clock: Arc<dyn Clock>,
}

impl Destination {
    pub(crate) fn of(builder: &HandlerBuilder) -> Result<Self, Error> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let mut settings = Vec::new();
        let mut need = |name, text: Option<String>| {
            if text.is_none() {
                settings.push(name);
            }
            text.unwrap_or_default()
        };
        let endpoint = need("endpoint", given(&builder.endpoint));
        let project = need("project", given(&builder.project));
        let logstore = need("logstore", given(&builder.logstore));
        if builder.credentials.is_none() {
            settings.push("credentials");
        }
        let Some(credentials) = builder.credentials.clone().filter(|_| settings.is_empty()) else {
            return Err(Error::Missing { settings });
        };
        let endpoint = endpoint.parse();
        let destination = Self {
            endpoint: endpoint.map_err(|cause| Error::invalid("endpoint", cause))?,
            credentials,
            project,
            logstore,
            signature: builder.signature.clone(),
            clock: Arc::new(builder.clock.clone()),
        };
        // What cannot work is found now and not by the first record.
        destination.client()?;
        Ok(destination)
    }

    /// The source of records when none was given.
    pub(crate) fn local_address(&self) -> String {
        local_address_towards(self.endpoint.host())
    }

    /// Names the logstore as one part of a path, different for every two of them.
    ///
    /// Without the endpoint: a logstore is the same by its internal and its public address.
    #[cfg(feature = "spool")]
    pub(crate) fn folder(&self) -> String {
        let mut name = String::new();
        for (index, part) in [&self.project, &self.logstore].into_iter().enumerate() {
            if index > 0 {
                name.push('.');
            }
            for byte in part.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                        name.push(char::from(byte));
                    }
                    // Writing into a String does not fail.
                    _ => drop(write!(name, "%{byte:02x}")),
                }
            }
        }
        name
    }

    /// A new client of this process.
    pub(crate) fn sink(&self) -> LogstoreSink {
        LogstoreSink(
            self.client()
                .map(|client| client.logstore(&self.project, &self.logstore))
                .map_err(|error| Arc::from(text(&error))),
        )
    }

    fn client(&self) -> Result<Client, Error> {
        // The queue tries again by itself; a second attempt is for a clock that is off.
        let retry = RetryConfig::default().with_max_attempts(2);
        let client = Client::builder(self.endpoint.clone(), Arc::clone(&self.credentials))
            .with_clock(Arc::clone(&self.clock))
            .with_retry(retry)
            .with_user_agent(concat!("sls-logging/", env!("CARGO_PKG_VERSION")));
        let client = match &self.signature {
            Signature::V1 => Ok(client),
            Signature::V4 { region } => client.with_signature_v4(region.as_deref()),
        };
        client
            .map_err(|cause| Error::invalid("signature", cause))?
            .build()
            .map_err(|cause| Error::invalid("endpoint", cause))
    }
}

fn text(error: &Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

/// A logstore, or why it could not be set up once more after a fork.
#[derive(Debug)]
pub(crate) struct LogstoreSink(Result<LogstoreHandle, Arc<str>>);

impl LogstoreSink {
    fn logstore(&self) -> Result<&LogstoreHandle, sls_core::Error> {
        self.0.as_ref().map_err(|cause| sls_core::Error::NotSigned {
            call: Call::new("PutLogs", ""),
            cause: BoxError::from(cause.to_string()),
        })
    }
}

impl LogSink for LogstoreSink {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), sls_core::Error> {
        self.logstore()?.put_logs(group).await
    }

    async fn put_raw(&self, group: RawGroup<'_>) -> Result<(), sls_core::Error> {
        self.logstore()?.put_raw(group).await
    }
}
