use std::time::Duration;

use telemetry_delivery::HttpsConfig;

use crate::config::{ConfigError, TrackerBuilder};

/// Settings of the transport that is built in.
impl TrackerBuilder {
    /// How long connecting may take, of the time that a request has. Default: all of it.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self
    }

    /// Whether the server's certificate is verified. Default: yes.
    ///
    /// Without it, anybody on the way can read and change what is sent; building the tracker
    /// warns about it. A certificate of one's own is better trusted with
    /// [`root_certificate_pem`](Self::root_certificate_pem).
    pub fn verify_cert(mut self, verify: bool) -> Self {
        self.verify_cert = verify;
        self
    }

    /// Trusts the certificates of a PEM text as authorities, beside the usual ones.
    ///
    /// # Errors
    /// [`ConfigError::Transport`] when it holds none.
    pub fn root_certificate_pem(mut self, text: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        self.https = self.https.with_root_certificate_pem(text)?;
        Ok(self)
    }

    /// Sends through this proxy, `http://user:password@host:port`. Default: as the environment
    /// says.
    ///
    /// # Errors
    /// [`ConfigError::Transport`] when it is no address of a proxy.
    pub fn proxy(mut self, address: &str) -> Result<Self, ConfigError> {
        self.https = self.https.with_proxy(address)?;
        Ok(self)
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.https = self.https.with_no_proxy();
        self
    }

    /// Sets all habits of the transport at once, in place of what was set before. Its limits on
    /// the time of an attempt and of connecting are set by the tracker.
    pub fn https(mut self, config: HttpsConfig) -> Self {
        self.https = config;
        self
    }
}
