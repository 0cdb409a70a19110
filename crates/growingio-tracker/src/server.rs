use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use growingio_codecs::Encoded;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::config::ConfigError;

/// From this size on, in bytes, an address is refused: what follows it is to fit behind.
const LONG: usize = 8 << 10;

/// Where a collector is: a scheme, a host, perhaps a port, a path and credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// What the path of a request is put behind; ends without a slash.
    base: String,
    /// What `user:password@` of the address stands for.
    authorization: Option<HeaderValue>,
}

impl Server {
    /// Reads an address; slashes at its end do not count.
    pub(crate) fn parse(address: &str) -> Result<Self, ConfigError> {
        let unusable = |why| ConfigError::Unusable {
            setting: "server_host",
            why,
        };
        if address.is_empty() {
            return Err(ConfigError::Missing {
                setting: "server_host",
            });
        }
        if address.len() >= LONG {
            return Err(unusable("it has 8192 bytes or more"));
        }
        let uri: Uri = address.parse().map_err(|_| unusable("it is no address"))?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme.clone(),
            _ => return Err(unusable("it does not begin with http:// or https://")),
        };
        if uri.query().is_some() {
            return Err(unusable("it has a query"));
        }
        let authority = uri
            .authority()
            .ok_or_else(|| unusable("it names no host"))?;
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        // What is left is still an authority, and one that has a host.
        let host: Authority = host.parse().map_err(|_| unusable("it names no host"))?;
        if host.host().is_empty() {
            return Err(unusable("it names no host"));
        }
        let authorization = user
            .map(basic)
            .transpose()
            .map_err(|_| unusable("its user or password cannot be sent"))?;
        Ok(Self {
            base: format!("{scheme}://{host}{}", uri.path().trim_end_matches('/')),
            authorization,
        })
    }

    /// The address of a request.
    pub(crate) fn uri(&self, encoded: &Encoded, product_id: &str) -> String {
        format!("{}{}", self.base, encoded.path_and_query(product_id))
    }

    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The address without credentials.
    pub(crate) fn address(&self) -> &str {
        &self.base
    }
}

/// The scheme `Basic` over user and password, percent-decoded.
fn basic(user: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain: Vec<u8> = percent_decode_str(name).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(plain)))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Without the credentials.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use growingio_codecs::Route;

    use super::*;

    #[track_caller]
    fn check(address: &str, want: &str) {
        let encoded = Encoded::new(Route::Items, "", Vec::new());
        let got = match Server::parse(address) {
            Ok(server) => server.uri(&encoded, "p"),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{address}");
    }

    #[test]
    fn the_longest_id_behind_the_longest_address_is_still_an_address() {
        let id = "\u{7f}".repeat(crate::tracker::LONG_ID - 1);
        let mut address = "http://h/".to_owned();
        address.push_str(&"p".repeat(LONG - 1 - address.len()));
        let server = Server::parse(&address).unwrap();
        let encoded = Encoded::new(Route::UserMappings, "stm=1700000000000", Vec::new());
        assert!(server.uri(&encoded, &id).parse::<Uri>().is_ok());
        assert!(Server::parse(&format!("{address}p")).is_err());
    }

    #[test]
    fn a_path_is_kept_and_slashes_at_the_end_are_not() {
        check("http://h", "http://h/projects/p/collect/item");
        check("http://h/", "http://h/projects/p/collect/item");
        check("https://h:8443//", "https://h:8443/projects/p/collect/item");
        check(
            "http://h/gio/in/",
            "http://h/gio/in/projects/p/collect/item",
        );
        check("http://[::1]:80", "http://[::1]:80/projects/p/collect/item");
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        check("", "server_host is missing");
        let scheme = "server_host cannot be used: it does not begin with http:// or https://";
        check("collector.example:80", scheme);
        check("/collector", scheme);
        check("ftp://h", scheme);
        check("http://", "server_host cannot be used: it is no address");
        check("http://h h", "server_host cannot be used: it is no address");
        check("http://h?a=b", "server_host cannot be used: it has a query");
    }

    #[test]
    fn credentials_become_a_header_and_are_not_shown() {
        let server = Server::parse("https://us%65r:pass%40word@h").unwrap();
        // user:pass@word
        let want = "Basic dXNlcjpwYXNzQHdvcmQ=";
        assert_eq!(server.authorization().unwrap(), want);
        assert_eq!(server.address(), "https://h");
        let shown = format!("{server:?} {:?}", server.authorization());
        assert!(
            !shown.contains("dXNl") && !shown.contains("pass"),
            "{shown}"
        );
    }
}
