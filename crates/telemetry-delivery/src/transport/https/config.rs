use std::time::Duration;

use super::proxy::{Bypass, ProxyAddress, ProxySetting};
use super::roots::Roots;
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
    min_throughput: Option<(usize, Duration)>,
    roots: Roots,
    proxy: ProxySetting,
    proxy_bypass: Bypass,
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
            min_throughput: None,
            roots: Roots::default(),
            proxy: ProxySetting::default(),
            proxy_bypass: Bypass::default(),
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
    /// Every byte starts it anew, so it notices a connection that went dead.
    /// A server that drips a byte now and then runs into
    /// [`with_attempt_timeout`](Self::with_attempt_timeout), which no byte starts anew, or earlier
    /// into [`with_min_throughput`](Self::with_min_throughput).
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

    /// How many bytes of an answer's body must arrive in every `window`. Default: no minimum.
    ///
    /// Counted from the head of the answer on, window after window; what is left of the body in
    /// the last one may be less.
    /// It ends a body that drips too steadily for
    /// [`with_read_idle_timeout`](Self::with_read_idle_timeout) long before the attempt's time is
    /// up, and says that this was the reason.
    /// Zero bytes is no minimum; a window of zero is refused when the transport is built.
    pub fn with_min_throughput(mut self, bytes: usize, window: Duration) -> Self {
        self.min_throughput = (bytes > 0).then_some((bytes, window));
        self
    }

    /// Trusts the certificates of a PEM text as roots, beside Mozilla's list. Default: that list.
    ///
    /// For a service behind a company's own authority.
    /// The text may hold several certificates, and other things around them; calling again adds
    /// more.
    ///
    /// # Errors
    /// [`ConfigError::Unusable`] when it holds no certificate, or one that cannot be read.
    pub fn with_root_certificate_pem(
        mut self,
        text: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        self.roots.add_pem(text.as_ref())?;
        Ok(self)
    }

    /// Trusts a certificate in binary form (DER) as a root, beside Mozilla's list.
    ///
    /// # Errors
    /// [`ConfigError::Unusable`] when it is not a certificate.
    pub fn with_root_certificate_der(
        mut self,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        self.roots.add_der(bytes.as_ref())?;
        Ok(self)
    }

    /// Trusts the roots that were added here, and not Mozilla's list.
    ///
    /// Without any, it is refused when the transport is built.
    pub fn with_only_root_certificates(mut self) -> Self {
        self.roots.only_own();
        self
    }

    /// Accepts any certificate from anybody. Default: certificates are verified.
    ///
    /// Whoever sits on the way can then read and change everything, credentials included; for
    /// a test with a certificate that nobody signed, trust that one with
    /// [`with_root_certificate_pem`](Self::with_root_certificate_pem) instead.
    /// Building the transport warns about it, in an event of the level `WARN`.
    pub fn with_unverified_certificates(mut self) -> Self {
        self.roots.trust_everybody();
        self
    }

    /// Sends every request through this proxy. Default: as the environment says.
    ///
    /// Written `http://user:password@host:port`; the scheme, the credentials and the port may be
    /// left out, and the port is 80 then.
    /// User and password are percent-decoded and sent in the `Basic` scheme; no error and no
    /// `Debug` output shows them.
    ///
    /// An `https` request goes through a tunnel (`CONNECT`), so the proxy sees a host and a port;
    /// a plain `http` request is handed to the proxy whole.
    /// A `Host` header that is set is kept in both.
    /// Loopback addresses are no exception here; name them in
    /// [`with_proxy_bypass`](Self::with_proxy_bypass) if they should be.
    ///
    /// # The environment
    /// Unless a proxy is set here or [switched off](Self::with_no_proxy), these variables are
    /// read when the transport is built, in capital letters or, if those are unset or empty, in
    /// small ones:
    ///
    /// | variable | names the proxy for |
    /// |---|---|
    /// | `HTTPS_PROXY` | `https` requests |
    /// | `HTTP_PROXY` | `http` requests; in capitals not below a web server (`REQUEST_METHOD` is set), where a visitor could set it |
    /// | `ALL_PROXY` | what the other two leave open |
    /// | `NO_PROXY` | nobody: it lists the hosts that are reached without a proxy, as [`with_proxy_bypass`](Self::with_proxy_bypass) does |
    ///
    /// This computer is never reached through a proxy that only the environment names:
    /// `localhost` and names below it, `127.0.0.0/8`, `::1`.
    /// A variable that names no `http://` proxy, a SOCKS proxy for instance, fails the requests
    /// it would have been for, with a message that names it.
    ///
    /// # Errors
    /// [`ConfigError::Unusable`] when the address cannot be read, or is not that of an `http`
    /// proxy.
    pub fn with_proxy(mut self, address: &str) -> Result<Self, ConfigError> {
        let address = ProxyAddress::parse(address).map_err(|why| ConfigError::Unusable {
            setting: "proxy",
            why,
        })?;
        self.proxy = ProxySetting::Fixed(address);
        Ok(self)
    }

    /// Uses no proxy, whatever the environment says.
    pub fn with_no_proxy(mut self) -> Self {
        self.proxy = ProxySetting::Off;
        self
    }

    /// Reaches these hosts without a proxy, beside those in `NO_PROXY` if that is read.
    /// Default: none.
    ///
    /// A list with commas between its entries:
    ///
    /// | entry | stands for |
    /// |---|---|
    /// | `*` | every host |
    /// | `example.com`, `.example.com`, `*.example.com` | the host and every one below it |
    /// | `10.0.0.1`, `::1` | the address |
    /// | `10.0.0.0/8`, `fd00::/8` | every address of the network |
    /// | `example.com:8443`, `[::1]:80` | the same, at this port only |
    ///
    /// Names are not resolved for this.
    /// Calling again replaces the list.
    pub fn with_proxy_bypass(mut self, hosts: &str) -> Self {
        self.proxy_bypass = Bypass::parse(hosts);
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

    /// See [`with_min_throughput`](Self::with_min_throughput).
    #[must_use]
    pub fn min_throughput(&self) -> Option<(usize, Duration)> {
        self.min_throughput
    }

    /// Whether certificates are verified; see
    /// [`with_unverified_certificates`](Self::with_unverified_certificates).
    #[must_use]
    pub fn verifies_certificates(&self) -> bool {
        !self.roots.trusts_everybody()
    }

    /// Host and port of the proxy that was set with [`with_proxy`](Self::with_proxy).
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        match &self.proxy {
            ProxySetting::Fixed(address) => Some(address.to_string()),
            ProxySetting::Environment | ProxySetting::Off => None,
        }
    }

    pub(super) fn roots(&self) -> &Roots {
        &self.roots
    }

    pub(super) fn proxy_setting(&self) -> &ProxySetting {
        &self.proxy
    }

    pub(super) fn proxy_bypass(&self) -> &Bypass {
        &self.proxy_bypass
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const MUST: &str = "be longer than zero";
        ensure(!self.connect_timeout.is_zero(), "connect_timeout", MUST)?;
        ensure(!self.attempt_timeout.is_zero(), "attempt_timeout", MUST)?;
        ensure(!self.read_idle_timeout.is_zero(), "read_idle_timeout", MUST)?;
        let window = self.min_throughput.map(|(_, window)| window);
        ensure(
            window != Some(Duration::ZERO),
            "min_throughput",
            "have a window longer than zero",
        )?;
        self.roots.check()
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
        check_refused(
            config().with_min_throughput(1, Duration::ZERO),
            "min_throughput must have a window longer than zero",
        );
    }

    #[test]
    fn a_proxy_that_is_none_is_refused_without_showing_it() {
        let error = HttpsConfig::default().with_proxy("socks5://user:secret@proxy");
        assert_eq!(
            error.unwrap_err().to_string(),
            "proxy cannot be used: its scheme is not http"
        );
    }

    #[test]
    fn credentials_of_a_proxy_are_not_shown() {
        let config = HttpsConfig::default()
            .with_proxy("http://user:secret@proxy:3128")
            .unwrap();
        assert_eq!(config.proxy().as_deref(), Some("proxy:3128"));
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("user"),
            "{shown}"
        );
    }

    #[test]
    fn the_defaults_are_accepted() {
        assert_eq!(HttpsConfig::default().check(), Ok(()));
    }
}
