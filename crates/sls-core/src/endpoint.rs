//! Where the service is, and how a project becomes part of its address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The address of a region of the service, or of a server that speaks its protocol.
///
/// ```
/// use sls_core::Endpoint;
///
/// let endpoint: Endpoint = "cn-hangzhou.log.aliyuncs.com".parse()?;
/// assert_eq!(endpoint.base_url("shop"), "https://shop.cn-hangzhou.log.aliyuncs.com");
/// assert_eq!(endpoint.region(), Some("cn-hangzhou"));
///
/// let local: Endpoint = "127.0.0.1:10240".parse()?;
/// assert_eq!(local.base_url("shop"), "http://127.0.0.1:10240");
/// assert_eq!(local.host_header("shop"), "shop.127.0.0.1:10240");
/// # Ok::<(), sls_core::InvalidEndpoint>(())
/// ```
///
/// # Scheme
/// Without one, `https` is used, and `http` for loopback addresses. The official clients
/// use `http` for everything then, and so sign but do not encrypt.
///
/// # Project
/// The project travels in the header `Host`, in front of the endpoint's name. The
/// connection goes to that joined name, too, except where it could not be resolved: for an
/// IP address and for `localhost` it goes to the endpoint itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    /// Lower case; an IPv6 address is in brackets.
    host: String,
    port: Option<u16>,
}

impl Endpoint {
    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.tls
    }

    /// The name or address, without project, scheme and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// Scheme and authority to connect to for calls to a project; no slash at the end.
    ///
    /// An empty project gives the address for calls to the account.
    pub fn base_url(&self, project: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        if self.resolves_subdomains() {
            format!("{scheme}://{}", self.host_header(project))
        } else {
            format!("{scheme}://{}", self.host_header(""))
        }
    }

    /// The value of `Host` for calls to a project; an empty project is left out.
    ///
    /// The port is part of it unless it is the scheme's own. Python leaves it out always;
    /// both are accepted, and version 4 signs whatever is sent.
    pub fn host_header(&self, project: &str) -> String {
        let dot = if project.is_empty() { "" } else { "." };
        match self.port {
            Some(port) => format!("{project}{dot}{}:{port}", self.host),
            None => format!("{project}{dot}{}", self.host),
        }
    }

    /// The region in the name, as signature version 4 needs it.
    ///
    /// `cn-hangzhou-intranet.log.aliyuncs.com` and `cn-hangzhou-share.log.aliyuncs.com` are
    /// other doors of `cn-hangzhou`. `None` for names that are not the service's own.
    pub fn region(&self) -> Option<&str> {
        let name = [".log.aliyuncs.com", ".sls.aliyuncs.com"]
            .iter()
            .find_map(|suffix| self.host.strip_suffix(suffix))?;
        let name = name.rsplit('.').next()?;
        let region = ["-intranet", "-share", "-internal"]
            .iter()
            .find_map(|door| name.strip_suffix(door))
            .unwrap_or(name);
        (!region.is_empty()).then_some(region)
    }

    fn resolves_subdomains(&self) -> bool {
        !is_ip(&self.host) && self.host != "localhost"
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base_url(""))
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = |reason| InvalidEndpoint {
            text: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let (scheme, rest) = match trimmed.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, trimmed),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            // Not echoed: it may hold a password.
            return Err(InvalidEndpoint {
                text: "(not shown)".to_owned(),
                reason: "user and password do not belong here",
            });
        }
        let (host, port) =
            split_port(authority).ok_or_else(|| invalid("the port is not a number"))?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() {
            return Err(invalid("there is no host name"));
        }
        let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
        if !is_ip(&host) && (!host.bytes().all(name) || host.split('.').any(str::is_empty)) {
            return Err(invalid("that is not a host name"));
        }
        let tls = match scheme.as_deref() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(invalid("the scheme is neither http nor https")),
            None => !is_loopback(&host),
        };
        let default = if tls { 443 } else { 80 };
        Ok(Self {
            tls,
            host,
            port: port.filter(|port| *port != default),
        })
    }
}

/// Host and port; `None` when there is a port that is no number.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_host = match authority.find(']') {
        Some(end) => end + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(after_host);
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        Some(port) => port
            .parse()
            .ok()
            .filter(|p| *p != 0)
            .map(|p| (host, Some(p))),
        None => None,
    }
}

fn ip(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

fn is_ip(host: &str) -> bool {
    ip(host).is_some()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || ip(host).is_some_and(|ip| ip.is_loopback())
}

/// Text that is not the address of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an endpoint: {reason}")]
pub struct InvalidEndpoint {
    text: String,
    reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, base_url: &str, host_header: &str) {
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.base_url("p"), base_url, "{text}");
        assert_eq!(endpoint.host_header("p"), host_header, "{text}");
    }

    #[test]
    fn the_project_goes_in_front_of_the_name() {
        let host = "p.cn-hangzhou.log.aliyuncs.com";
        let https = format!("https://{host}");
        check("cn-hangzhou.log.aliyuncs.com", &https, host);
        check(" HTTPS://CN-Hangzhou.log.aliyuncs.com:443/x ", &https, host);
        let http = format!("http://{host}");
        check("http://cn-hangzhou.log.aliyuncs.com/", &http, host);
    }

    #[test]
    fn a_loopback_address_is_connected_to_directly_and_in_the_clear() {
        check("127.0.0.1", "http://127.0.0.1", "p.127.0.0.1");
        check("127.0.0.1:80", "http://127.0.0.1", "p.127.0.0.1");
        check(
            "localhost:1024",
            "http://localhost:1024",
            "p.localhost:1024",
        );
        check("[::1]:1024", "http://[::1]:1024", "p.[::1]:1024");
        check("10.0.0.1:9", "https://10.0.0.1:9", "p.10.0.0.1:9");
        check("https://localhost", "https://localhost", "p.localhost");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason() {
        for bad in [
            "", "http://", "ftp://h", "h:x", "h:0", "h:70000", "a b", "a..b", "[::1", "[::1]x",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_shown() {
        let error = "http://me:hush@h".parse::<Endpoint>().unwrap_err();
        assert!(!error.to_string().contains("hush"));
    }

    #[test]
    fn the_region_is_cut_from_the_services_own_names() {
        for (text, region) in [
            ("cn-hangzhou.log.aliyuncs.com", Some("cn-hangzhou")),
            ("cn-hangzhou-intranet.log.aliyuncs.com", Some("cn-hangzhou")),
            (
                "http://ap-southeast-1-share.log.aliyuncs.com",
                Some("ap-southeast-1"),
            ),
            ("cn-beijing.sls.aliyuncs.com", Some("cn-beijing")),
            ("logs.example.com", None),
            ("127.0.0.1:1", None),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().region(), region, "{text}");
        }
    }
}
