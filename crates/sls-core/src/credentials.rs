//! Who is asking: access keys, and where they come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use zeroize::Zeroizing;

/// A key that may ask the service for something.
///
/// `Debug` shows the key id and hides the rest; the secret and the token are overwritten
/// in memory when the last copy is dropped.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: String,
    access_key_secret: Secret,
    security_token: Option<Secret>,
    expires_at: Option<SystemTime>,
}

impl Credentials {
    /// A long-lived access key.
    pub fn new(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            access_key_secret: Secret::new(access_key_secret),
            security_token: None,
            expires_at: None,
        }
    }

    /// Makes them temporary credentials by adding the token they were issued with.
    #[must_use]
    pub fn with_security_token(mut self, token: impl Into<String>) -> Self {
        self.security_token = Some(Secret::new(token));
        self
    }

    /// Says when the service stops to accept them. Default: never.
    #[must_use]
    pub fn with_expiry(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// When the service stops to accept them, as far as that is known.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Whether both would sign alike, whenever they expire.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.access_key_secret() == other.access_key_secret()
            && self.security_token() == other.security_token()
    }

    /// The public half of the key.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret half of the key: give it to nothing but a signature.
    pub fn access_key_secret(&self) -> &str {
        self.access_key_secret.expose()
    }

    /// The token of temporary credentials.
    pub fn security_token(&self) -> Option<&str> {
        self.security_token.as_ref().map(Secret::expose)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("access_key_secret", &self.access_key_secret)
            .field("security_token", &self.security_token)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Text that never shows itself.
#[derive(Clone)]
struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The future that a [`CredentialsProvider`] returns.
pub type CredentialsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + 'a>>;

/// Gives the credentials to sign the next attempt with. Object safe.
///
/// It is asked before every attempt, so an implementation that asks somebody else keeps
/// the answer until shortly before it expires.
pub trait CredentialsProvider: fmt::Debug + Send + Sync + 'static {
    /// The credentials to use now.
    ///
    /// # Errors
    /// [`CredentialsError`] when there are none to be had.
    fn credentials(&self) -> CredentialsFuture<'_>;

    /// Is told that the service refused these credentials, not just a call made with them.
    ///
    /// One that keeps credentials forgets these; when it then gives other ones, the call is
    /// tried again at once. Does nothing by default.
    fn refused(&self, credentials: &Credentials) {
        let _ = credentials;
    }
}

const _: fn(&dyn CredentialsProvider) = |_| {};

impl<P: CredentialsProvider + ?Sized> CredentialsProvider for Arc<P> {
    fn credentials(&self) -> CredentialsFuture<'_> {
        (**self).credentials()
    }

    fn refused(&self, credentials: &Credentials) {
        (**self).refused(credentials);
    }
}

/// Credentials that never change.
#[derive(Debug, Clone)]
pub struct StaticCredentials(Credentials);

impl StaticCredentials {
    /// Always gives `credentials`.
    pub fn new(credentials: Credentials) -> Self {
        Self(credentials)
    }
}

impl From<Credentials> for StaticCredentials {
    fn from(credentials: Credentials) -> Self {
        Self(credentials)
    }
}

impl CredentialsProvider for StaticCredentials {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

/// Credentials from an async closure.
///
/// ```
/// use sls_core::credentials::{Credentials, FnCredentials};
///
/// let provider = FnCredentials::new(|| async {
///     // Ask your vault here.
///     Ok(Credentials::new("id", "secret"))
/// });
/// ```
pub struct FnCredentials(Box<dyn Fn() -> CredentialsFuture<'static> + Send + Sync>);

impl FnCredentials {
    /// Asks `get` whenever credentials are needed.
    pub fn new<F, R>(get: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Credentials, CredentialsError>> + Send + 'static,
    {
        Self(Box::new(move || Box::pin(get())))
    }
}

impl fmt::Debug for FnCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnCredentials").finish_non_exhaustive()
    }
}

impl CredentialsProvider for FnCredentials {
    fn credentials(&self) -> CredentialsFuture<'_> {
        (self.0)()
    }
}

/// The first of several providers that has credentials.
#[derive(Debug, Clone)]
pub struct ChainCredentials(Vec<Arc<dyn CredentialsProvider>>);

impl ChainCredentials {
    /// Asks `first`, and what [`or`](Self::or) adds after it.
    pub fn first(first: impl CredentialsProvider) -> Self {
        Self(vec![Arc::new(first)])
    }

    /// Adds one that is asked when all before it have nothing.
    #[must_use]
    pub fn or(mut self, next: impl CredentialsProvider) -> Self {
        self.0.push(Arc::new(next));
        self
    }
}

impl CredentialsProvider for ChainCredentials {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async {
            let mut reasons = Vec::new();
            for provider in &self.0 {
                match provider.credentials().await {
                    Ok(credentials) => return Ok(credentials),
                    Err(reason) => reasons.push(reason),
                }
            }
            Err(CredentialsError::NoneOf { reasons })
        })
    }

    fn refused(&self, credentials: &Credentials) {
        for provider in &self.0 {
            provider.refused(credentials);
        }
    }
}

/// The environment variable with the access key id.
pub const ENV_ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// The environment variable with the access key secret.
pub const ENV_ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// The environment variable with the token of temporary credentials, if they are such.
pub const ENV_SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// Credentials from `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and,
/// for temporary ones, `ALIBABA_CLOUD_SECURITY_TOKEN`.
///
/// Read anew each time, so a program that renews its own environment is followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvCredentials;

impl EnvCredentials {
    /// The credentials that the environment holds now.
    ///
    /// # Errors
    /// [`CredentialsError::Missing`] names every variable that is unset or empty.
    pub fn load() -> Result<Credentials, CredentialsError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Credentials, CredentialsError> {
        let get = |name| lookup(name).filter(|text| !text.trim().is_empty());
        match (get(ENV_ACCESS_KEY_ID), get(ENV_ACCESS_KEY_SECRET)) {
            (Some(id), Some(secret)) => {
                let credentials = Credentials::new(id, secret);
                Ok(match get(ENV_SECURITY_TOKEN) {
                    Some(token) => credentials.with_security_token(token),
                    None => credentials,
                })
            }
            (id, secret) => Err(CredentialsError::Missing {
                variables: [
                    id.is_none().then_some(ENV_ACCESS_KEY_ID),
                    secret.is_none().then_some(ENV_ACCESS_KEY_SECRET),
                ]
                .into_iter()
                .flatten()
                .collect(),
            }),
        }
    }
}

impl CredentialsProvider for EnvCredentials {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(std::future::ready(Self::load()))
    }
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The environment lacks what [`EnvCredentials`] reads.
    #[error("environment variables not set: {}", .variables.join(", "))]
    Missing {
        /// The names that are unset or empty.
        variables: Vec<&'static str>,
    },
    /// No provider of a chain has any.
    #[error("no provider of the chain has credentials: {}", list(.reasons))]
    NoneOf {
        /// Why not, in the order they were asked.
        reasons: Vec<Self>,
    },
    /// A provider could not get any.
    #[error("no credentials from {provider}")]
    Unavailable {
        /// Which provider.
        provider: &'static str,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Every reason with its causes: a chain has several, so `source` cannot hold them.
fn list(reasons: &[CredentialsError]) -> String {
    let texts = reasons.iter().map(|reason| {
        let mut text = reason.to_string();
        let mut source = std::error::Error::source(reason);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// The outcome of a provider that never waits.
    fn now(provider: &dyn CredentialsProvider) -> Result<Credentials, CredentialsError> {
        let mut asked = pin!(provider.credentials());
        match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("the provider waits"),
        }
    }

    fn nothing(provider: &'static str) -> FnCredentials {
        FnCredentials::new(move || async move {
            let cause = "out of order".into();
            Err(CredentialsError::Unavailable { provider, cause })
        })
    }

    #[test]
    fn a_chain_gives_the_first_there_are() {
        let key = |id: &str| StaticCredentials::new(Credentials::new(id, "secret"));
        let chain = ChainCredentials::first(nothing("a"))
            .or(key("b"))
            .or(key("c"));
        assert_eq!(now(&chain).unwrap().access_key_id(), "b");
    }

    #[test]
    fn a_chain_without_any_gives_every_reason() {
        let chain = ChainCredentials::first(nothing("a")).or(nothing("b"));
        let error = now(&chain).unwrap_err().to_string();
        assert!(
            error.contains("from a: out of order; no credentials from b"),
            "{error}"
        );
    }

    #[test]
    fn debug_shows_neither_secret_nor_token() {
        let credentials = Credentials::new("the-id", "hush-hush").with_security_token("quiet");
        let provider = StaticCredentials::new(credentials.clone());
        for text in [format!("{credentials:?}"), format!("{provider:#?}")] {
            assert!(text.contains("the-id"), "{text}");
            assert!(!text.contains("hush") && !text.contains("quiet"), "{text}");
        }
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = EnvCredentials::from_lookup(|_| None)
            .unwrap_err()
            .to_string();
        assert!(error.contains(ENV_ACCESS_KEY_ID) && error.contains(ENV_ACCESS_KEY_SECRET));
        let error = EnvCredentials::from_lookup(|name| {
            Some(if name == ENV_ACCESS_KEY_ID { "id" } else { " " }.to_owned())
        });
        let error = error.unwrap_err().to_string();
        assert!(!error.contains(ENV_ACCESS_KEY_ID), "{error}");
    }

    #[test]
    fn a_token_makes_them_temporary() {
        let found = EnvCredentials::from_lookup(|name| Some(format!("v-{name}"))).unwrap();
        assert_eq!(
            found.security_token(),
            Some("v-ALIBABA_CLOUD_SECURITY_TOKEN")
        );
    }
}
