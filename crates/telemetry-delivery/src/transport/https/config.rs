use std::time::Duration;

use crate::error::{ConfigError, ensure};

/// Limits and habits of an [`HttpsTransport`](super::HttpsTransport).
///
/// ```
/// use std::time::Duration;
/// use telemetry_delivery::{HttpsConfig, HttpsTransport};
///
/// let config = HttpsConfig::default().with_attempt_timeout(Duration::from_secs(5));
/// let transport = HttpsTransport::new(config)?;
/// # Ok::<(), telemetry_delivery::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct HttpsConfig {
    connect_timeout: Duration,
    attempt_timeout: Duration,
    read_idle_timeout: Duration,
    max_response_bytes: usize,
    pool_idle_timeout: Duration,
    pool_max_idle_per_host: usize,
    tcp_nodelay: bool,
}

impl Default for HttpsConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(60),
            read_idle_timeout: Duration::from_secs(30),
            max_response_bytes: 64 * 1024 * 1024,
            pool_idle_timeout: Duration::from_secs(50),
            pool_max_idle_per_host: 16,
            tcp_nodelay: true,
        }
    }
}

impl HttpsConfig {
    /// How long name resolution, TCP and TLS may take together. Default: 10 seconds.
    ///
    /// Zero is refused when the transport is built.
    /// A host with several addresses gives each of them an equal part of the time.
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long one attempt may take, from its start to the last byte of its answer.
    /// Default: 60 seconds.
    ///
    /// Connecting counts, waiting for another attempt does not.
    /// Zero is refused when the transport is built.
    pub fn with_attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// How long the server may be silent in the middle of an answer's body.
    /// Default: 30 seconds.
    ///
    /// Every byte starts it anew, so it notices a connection that went dead; a server that drips
    /// a byte now and then runs into [`with_attempt_timeout`](Self::with_attempt_timeout).
    /// Waiting for the head of the answer does not count, since thinking takes its time.
    /// Zero is refused when the transport is built.
    pub fn with_read_idle_timeout(mut self, limit: Duration) -> Self {
        self.read_idle_timeout = limit;
        self
    }

    /// How many bytes the body of an answer may have. Default: 64 MiB.
    ///
    /// A larger `Content-Length` is refused before a byte is read, and a body without one as soon
    /// as it passes the limit.
    /// Memory grows with what arrives and not with what was announced.
    /// Zero accepts empty bodies only.
    pub fn with_max_response_bytes(mut self, limit: usize) -> Self {
        self.max_response_bytes = limit;
        self
    }

    /// How long an unused connection is kept. Default: 50 seconds.
    ///
    /// Below the 60 seconds after which common load balancers close it from their side, since a
    /// request sent just then is lost.
    /// Zero keeps none.
    pub fn with_pool_idle_timeout(mut self, limit: Duration) -> Self {
        self.pool_idle_timeout = limit;
        self
    }

    /// How many unused connections to one host and port are kept. Default: 16.
    ///
    /// The number in use has no limit. Zero keeps none.
    pub fn with_pool_max_idle_per_host(mut self, limit: usize) -> Self {
        self.pool_max_idle_per_host = limit;
        self
    }

    /// Whether small packets are sent without waiting for company. Default: yes.
    pub fn with_tcp_nodelay(mut self, nodelay: bool) -> Self {
        self.tcp_nodelay = nodelay;
        self
    }

    /// See [`with_connect_timeout`](Self::with_connect_timeout).
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// See [`with_attempt_timeout`](Self::with_attempt_timeout).
    #[must_use]
    pub fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// See [`with_read_idle_timeout`](Self::with_read_idle_timeout).
    #[must_use]
    pub fn read_idle_timeout(&self) -> Duration {
        self.read_idle_timeout
    }

    /// See [`with_max_response_bytes`](Self::with_max_response_bytes).
    #[must_use]
    pub fn max_response_bytes(&self) -> usize {
        self.max_response_bytes
    }

    /// See [`with_pool_idle_timeout`](Self::with_pool_idle_timeout).
    #[must_use]
    pub fn pool_idle_timeout(&self) -> Duration {
        self.pool_idle_timeout
    }

    /// See [`with_pool_max_idle_per_host`](Self::with_pool_max_idle_per_host).
    #[must_use]
    pub fn pool_max_idle_per_host(&self) -> usize {
        self.pool_max_idle_per_host
    }

    /// See [`with_tcp_nodelay`](Self::with_tcp_nodelay).
    #[must_use]
    pub fn tcp_nodelay(&self) -> bool {
        self.tcp_nodelay
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const MUST: &str = "be longer than zero";
        ensure(!self.connect_timeout.is_zero(), "connect_timeout", MUST)?;
        ensure(!self.attempt_timeout.is_zero(), "attempt_timeout", MUST)?;
        ensure(!self.read_idle_timeout.is_zero(), "read_idle_timeout", MUST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(config: HttpsConfig, want: &str) {
        let error = config.check().unwrap_err();
        assert_eq!(error.to_string(), want);
    }

    #[test]
    fn a_time_limit_of_zero_is_refused_by_name() {
        let config = HttpsConfig::default;
        check_refused(
            config().with_connect_timeout(Duration::ZERO),
            "connect_timeout must be longer than zero",
        );
        check_refused(
            config().with_attempt_timeout(Duration::ZERO),
            "attempt_timeout must be longer than zero",
        );
        check_refused(
            config().with_read_idle_timeout(Duration::ZERO),
            "read_idle_timeout must be longer than zero",
        );
    }

    #[test]
    fn the_defaults_are_accepted() {
        assert_eq!(HttpsConfig::default().check(), Ok(()));
    }
}
