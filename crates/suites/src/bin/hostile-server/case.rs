//! What a case is, and the checks that all cases share.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use sls_client::{Client, Credentials, Error, ErrorCode, StaticCredentials};
use sls_core::api::PulledLogs;
use sls_core::model::{Cursor, Shard, ShardId};
use telemetry_delivery::{HttpsConfig, RetryConfig, TransportError, TransportErrorKind};

use crate::server::Server;

/// What the client said, or what is wrong with that.
pub(crate) type Outcome = Result<String, String>;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Pin<Box<dyn Future<Output = Outcome>>>,
}

/// Makes a [`Case`] of a name and an async block.
macro_rules! case {
    ($name:literal, $run:expr) => {
        $crate::case::Case {
            name: $name,
            run: || Box::pin($run),
        }
    };
}
pub(crate) use case;

/// The secrets of every client here; no error may show them.
const SECRETS: [&str; 2] = ["hostile-secret", "hostile-token"];
/// The longest text of an error that still counts as readable.
const READABLE: usize = 1000;

pub(crate) const MIB: usize = 1 << 20;
/// Short enough to wait for.
pub(crate) const SOON: Duration = Duration::from_millis(150);

/// One attempt, limits as they are by default.
pub(crate) fn client(server: &Server) -> Client {
    client_with(server, once(), HttpsConfig::default())
}

/// One attempt within other limits.
pub(crate) fn client_within(server: &Server, https: HttpsConfig) -> Client {
    client_with(server, once(), https)
}

pub(crate) fn client_with(server: &Server, retry: RetryConfig, https: HttpsConfig) -> Client {
    let endpoint = server.address.to_string().parse();
    let credentials = Credentials::new("hostile-key", SECRETS[0]).with_security_token(SECRETS[1]);
    Client::builder(
        endpoint.expect("an address is an endpoint"),
        StaticCredentials::new(credentials),
    )
    .with_retry(retry)
    .with_https(https)
    .build()
    .expect("the settings are in range")
}

fn once() -> RetryConfig {
    RetryConfig::default().with_max_attempts(1)
}

/// A call whose answer is JSON.
pub(crate) async fn list_shards(client: &Client) -> Result<Vec<Shard>, Error> {
    client.logstore("shop", "access").shards().await
}

/// A call whose answer is binary.
pub(crate) async fn pull(client: &Client) -> Result<PulledLogs, Error> {
    let pull = client
        .logstore("shop", "access")
        .pull(ShardId(0), Cursor::from("MQ=="));
    client.send(&pull).await
}

/// An answer over HTTP with its right length.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The call must have failed with an answer that makes no sense, and say `part` about it.
pub(crate) fn bad_answer<T: Debug>(result: Result<T, Error>, status: u16, part: &str) -> Outcome {
    let error = result.err().ok_or("the call succeeded")?;
    let text = readable(&error)?;
    let fits = matches!(&error, Error::BadAnswer { status: found, .. } if *found == status);
    demand(
        fits && text.contains(part),
        text,
        format!("BadAnswer {status} with {part:?}"),
    )
}

/// The call must have failed without a complete answer, for this reason.
pub(crate) fn no_answer<T: Debug>(result: Result<T, Error>, kind: TransportErrorKind) -> Outcome {
    no_answer_of(result, &[kind])
}

/// The same, where it depends on the moment which of some reasons it is.
pub(crate) fn no_answer_of<T: Debug>(
    result: Result<T, Error>,
    kinds: &[TransportErrorKind],
) -> Outcome {
    let error = result.err().ok_or("the call succeeded")?;
    let text = readable(&error)?;
    let found = match &error {
        Error::NoAnswer { cause, .. } => cause.downcast_ref().map(TransportError::kind),
        _ => None,
    };
    let fits = found.is_some_and(|found| kinds.contains(&found));
    demand(
        fits,
        text,
        format!("NoAnswer of {kinds:?}, and it is {found:?}"),
    )
}

/// The call must have been refused with this code.
pub(crate) fn refused<T: Debug>(result: Result<T, Error>, code: &ErrorCode) -> Outcome {
    let error = result.err().ok_or("the call succeeded")?;
    let text = readable(&error)?;
    demand(
        error.code() == Some(code),
        text,
        format!("Service with {code}"),
    )
}

fn demand(fits: bool, text: String, wanted: String) -> Outcome {
    if fits {
        Ok(text)
    } else {
        Err(format!("wanted {wanted}: {text}"))
    }
}

/// The text of an error and its causes, if a person can read it and no secret is in it.
fn readable(error: &Error) -> Outcome {
    let mut lines = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        lines.push(error.to_string());
        cause = error.source();
    }
    let text = lines.join(": ");
    let everything = format!("{text} {error:?}");
    if let Some(line) = lines.iter().find(|line| line.is_empty()) {
        return Err(format!("a cause has no text: {line}"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("the text is more than one line: {text}"));
    }
    if text.chars().count() > READABLE {
        let start: String = text.chars().take(80).collect();
        let length = text.len();
        return Err(format!("the text is {length} bytes long: {start}.."));
    }
    if SECRETS.iter().any(|secret| everything.contains(secret)) {
        return Err(format!("the text shows a secret: {text}"));
    }
    Ok(text)
}
