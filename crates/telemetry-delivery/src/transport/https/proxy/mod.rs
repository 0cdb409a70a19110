//! Which requests go through a proxy, and through which.
//!
//! ```text
//!   configured:  no proxy       --> straight
//!                one proxy      --> on the bypass list?               straight : through it
//!                nothing        --> loopback, or on the bypass list
//!                                   or in NO_PROXY?                   straight
//!                                   HTTP(S)_PROXY, ALL_PROXY set?     through it
//!                                   otherwise                         straight
//! ```

mod address;
mod bypass;
mod environment;

use http::Uri;
use http::uri::Scheme;

use super::{ProxyErrorKind, TransportError, TransportErrorKind};
pub(super) use address::ProxyAddress;
pub(super) use bypass::Bypass;
use environment::{Environment, Named};

/// Where the proxy comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum ProxySetting {
    /// From the environment of the process, as it is when the transport is built.
    #[default]
    Environment,
    /// There is none.
    Off,
    /// This one, whatever the environment says.
    Fixed(ProxyAddress),
}

/// The proxy of every request, decided without I/O.
#[derive(Debug)]
pub(super) struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    bypass: Bypass,
    loopback: bool,
}

impl Proxies {
    /// `variable` looks up a variable of the environment, when that has a say.
    pub(super) fn new(
        setting: &ProxySetting,
        bypass: &Bypass,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let (mut environment, loopback) = match setting {
            ProxySetting::Environment => (Environment::read(variable), false),
            ProxySetting::Off => (Environment::default(), false),
            ProxySetting::Fixed(address) => {
                let named = Named {
                    variable: "",
                    address: Ok(address.clone()),
                };
                let fixed = Environment {
                    http: Some(named.clone()),
                    https: Some(named),
                    bypass: Bypass::default(),
                };
                (fixed, true)
            }
        };
        environment.bypass.extend(bypass);
        Self {
            http: environment.http,
            https: environment.https,
            bypass: environment.bypass,
            loopback,
        }
    }

    /// The proxy for a request to `uri`, if it goes through one.
    pub(super) fn for_uri(&self, uri: &Uri) -> Result<Option<&ProxyAddress>, TransportError> {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let (proxy, default_port) = if is_https {
            (&self.https, 443)
        } else {
            (&self.http, 80)
        };
        let Some(Named { variable, address }) = proxy else {
            return Ok(None);
        };
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(default_port);
        let straight = (!self.loopback && is_loopback(host)) || self.bypass.matches(host, port);
        if straight {
            return Ok(None);
        }
        address.as_ref().map(Some).map_err(|why| {
            let kind = TransportErrorKind::Proxy(ProxyErrorKind::Misconfigured);
            TransportError::new(
                kind,
                format!("the proxy in {variable} cannot be used: {why}"),
            )
        })
    }
}

/// Whether a host of a URI is this computer, by what it is called.
fn is_loopback(host: &str) -> bool {
    if let Some(address) = bypass::address(host) {
        return address.is_loopback();
    }
    // The name and all below it are reserved for this by RFC 6761, section 6.3.
    bypass::is_at_or_below(host.strip_suffix('.').unwrap_or(host), "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_environment(bypass: &str) -> Proxies {
        Proxies::new(
            &ProxySetting::Environment,
            &Bypass::parse(bypass),
            |name| match name {
                "HTTP_PROXY" => Some("http://plain:1".to_owned()),
                "HTTPS_PROXY" => Some("socks5://secret@tls:1".to_owned()),
                "NO_PROXY" => Some("intern.test".to_owned()),
                _ => None,
            },
        )
    }

    #[track_caller]
    fn check(proxies: &Proxies, uri: &'static str, want: Option<&str>) {
        let proxy = proxies.for_uri(&Uri::from_static(uri)).unwrap();
        assert_eq!(proxy.map(ToString::to_string).as_deref(), want, "{uri}");
    }

    #[test]
    fn the_environment_never_sends_loopback_through_a_proxy() {
        let proxies = from_environment("");
        check(&proxies, "http://example.test", Some("plain:1"));
        for uri in [
            "http://localhost:8080",
            "http://a.LOCALHOST",
            "http://127.0.0.1",
            "http://127.9.9.9:80",
            "http://[::1]:80",
            "http://[::ffff:127.0.0.1]",
            "https://localhost",
        ] {
            check(&proxies, uri, None);
        }
    }

    #[test]
    fn exceptions_come_from_the_environment_and_the_configuration() {
        let proxies = from_environment("other.test:8080");
        check(&proxies, "http://a.intern.test", None);
        check(&proxies, "http://other.test:8080", None);
        check(&proxies, "http://other.test", Some("plain:1"));
    }

    #[test]
    fn a_variable_that_cannot_be_used_fails_the_requests_it_is_for() {
        let proxies = from_environment("");
        let uri = Uri::from_static("https://example.test");
        let error = proxies.for_uri(&uri).unwrap_err();
        assert_eq!(
            error.kind(),
            TransportErrorKind::Proxy(ProxyErrorKind::Misconfigured)
        );
        assert_eq!(
            error.to_string(),
            "the proxy in HTTPS_PROXY cannot be used: its scheme is not http"
        );
        assert!(!format!("{error:?}").contains("secret"));
    }

    #[test]
    fn a_proxy_that_was_asked_for_serves_loopback_too() {
        let address = ProxyAddress::parse("fixed:1").unwrap();
        let setting = ProxySetting::Fixed(address);
        let unread = |name: &str| -> Option<String> { panic!("{name} was read") };
        let proxies = Proxies::new(&setting, &Bypass::parse("other.test"), unread);
        check(&proxies, "http://127.0.0.1", Some("fixed:1"));
        check(&proxies, "https://example.test", Some("fixed:1"));
        check(&proxies, "https://other.test", None);
    }

    #[test]
    fn no_proxy_means_none() {
        let unread = |name: &str| -> Option<String> { panic!("{name} was read") };
        let proxies = Proxies::new(&ProxySetting::Off, &Bypass::default(), unread);
        check(&proxies, "https://example.test", None);
    }
}
