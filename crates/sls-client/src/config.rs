use std::sync::Arc;

use http::HeaderValue;
use sls_core::sign::{SignV1, SignV4, Signer};
use sls_core::wire::Compression;
use sls_core::{CredentialsProvider, Endpoint};
use telemetry_delivery::{
    BoxTransport, Clock, ConfigError, RetryConfig, RetryLayer, SystemClock, Transport,
};
use tower::Layer as _;

use crate::classify::classify;
use crate::client::Client;
use crate::sign_layer::SignLayer;

/// What a [`Client`] is made of.
///
/// Everything but the endpoint and the credentials has a default.
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    endpoint: Endpoint,
    credentials: Arc<dyn CredentialsProvider>,
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    clock_correction: bool,
    retry: RetryConfig,
    #[cfg(feature = "https")]
    https: telemetry_delivery::HttpsConfig,
    user_agent: String,
    compression: Compression,
}

impl ClientBuilder {
    pub(crate) fn new(endpoint: Endpoint, credentials: impl CredentialsProvider) -> Self {
        Self {
            endpoint,
            credentials: Arc::new(credentials),
            signer: Arc::new(SignV1),
            clock: Arc::new(SystemClock),
            clock_correction: true,
            retry: RetryConfig::default(),
            #[cfg(feature = "https")]
            https: telemetry_delivery::HttpsConfig::default(),
            user_agent: concat!("sls-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            compression: Compression::default(),
        }
    }

    /// Signs with version 4. Default: version 1.
    ///
    /// Version 4 is for one region; without one here, the endpoint's name must tell it.
    ///
    /// # Errors
    /// [`BuildError::UnknownRegion`] when neither does.
    pub fn with_signature_v4(mut self, region: Option<&str>) -> Result<Self, BuildError> {
        let region = region
            .or_else(|| self.endpoint.region())
            .filter(|region| !region.is_empty())
            .ok_or_else(|| BuildError::UnknownRegion {
                endpoint: self.endpoint.to_string(),
            })?;
        self.signer = Arc::new(SignV4::new(region));
        Ok(self)
    }

    /// Signs with a signer of your own. Default: [`SignV1`].
    pub fn with_signer(mut self, signer: impl Signer) -> Self {
        self.signer = Arc::new(signer);
        self
    }

    /// Takes the time that signatures carry from here. Default: the system's clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether to sign with the service's time once it has refused the local one. Default: yes.
    ///
    /// The service accepts times within 15 minutes of its own. A refusal costs one more
    /// request, and the difference is forgotten when the local clock is right again.
    pub fn with_clock_correction(mut self, correct: bool) -> Self {
        self.clock_correction = correct;
        self
    }

    /// How often and how long to try. Default: 4 attempts within 90 seconds.
    pub fn with_retry(mut self, retry: RetryConfig) -> Self {
        self.retry = retry;
        self
    }

    /// Limits, root certificates and proxy of every attempt, for [`build`](Self::build).
    #[cfg(feature = "https")]
    pub fn with_https(mut self, https: telemetry_delivery::HttpsConfig) -> Self {
        self.https = https;
        self
    }

    /// What the client calls itself. Default: `sls-client/` and its version.
    pub fn with_user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// How puts are compressed, and pulls are wanted. Default: LZ4.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// A client over HTTPS, or HTTP if the endpoint says so.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that is out of range.
    #[cfg(feature = "https")]
    pub fn build(self) -> Result<Client, BuildError> {
        let transport = telemetry_delivery::HttpsTransport::new(self.https.clone())?;
        self.build_with(transport)
    }

    /// A client over any transport, for instance one with middleware of your own in front.
    ///
    /// What the transport gets is signed already; it sees every attempt.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that is out of range.
    pub fn build_with(self, transport: impl Transport) -> Result<Client, BuildError> {
        let user_agent =
            HeaderValue::from_str(&self.user_agent).map_err(|_| BuildError::InvalidUserAgent)?;
        let clock = Arc::clone(&self.clock);
        let sign = SignLayer {
            signer: self.signer,
            credentials: self.credentials,
            clock: self.clock,
            clock_offset: self.clock_correction.then(Arc::default),
        };
        let retry = RetryLayer::new(self.retry, move |outcome| classify(outcome, &*clock))?;
        let stack = BoxTransport::new(retry.layer(sign.layer(transport)));
        Ok(Client::new(
            self.endpoint,
            stack,
            user_agent,
            self.compression,
        ))
    }
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Signature version 4 needs a region and the endpoint's name does not tell one.
    #[error("signature version 4 needs a region, which {endpoint} does not name")]
    UnknownRegion {
        /// The endpoint.
        endpoint: String,
    },
    /// The user agent has characters that no header may have.
    #[error("the user agent has characters that no header may have")]
    InvalidUserAgent,
    /// A limit or a time-out is out of range.
    #[error("a setting of the transport or of the retries is out of range")]
    Transport(#[from] ConfigError),
}
