use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// Where a proxy is, and what it wants to hear.
///
/// `Display` gives host and port; neither it nor `Debug` shows a user or a password.
#[derive(Clone, PartialEq, Eq)]
pub(in super::super) struct ProxyAddress {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl ProxyAddress {
    /// Reads `[http://][user[:password]@]host[:port][/]`; the port is 80 unless given.
    ///
    /// User and password are percent-decoded.
    /// What follows the port is passed over, as in a web page's address bar.
    pub(in super::super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err("its scheme is not http"),
            None => text,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, authority),
        };
        let authority: Authority = authority
            .parse()
            .map_err(|_| "it names no host, or not one that can be")?;
        if authority.host().is_empty() {
            return Err("it names no host, or not one that can be");
        }
        // An authority may end in a colon or in a number that is too large; neither is a port.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            _ => authority.port_u16().ok_or("its port is not one")?,
        };
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(format!("{}:{port}", authority.host()))
            .path_and_query("/")
            .build()
            .map_err(|_| "it names no host, or not one that can be")?;
        Ok(Self {
            uri,
            authorization: credentials
                .filter(|credentials| !credentials.is_empty())
                .map(basic),
        })
    }

    /// Where to connect.
    pub(in super::super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The value of `Proxy-Authorization`, when there are credentials.
    pub(in super::super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

/// `user:password`, each percent-encoded, in the scheme of RFC 7617.
fn basic(credentials: &str) -> HeaderValue {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut plain: Vec<u8> = percent_decode_str(user).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let text = format!("Basic {}", BASE64_STANDARD.encode(plain));
    let mut value = HeaderValue::from_str(&text).expect("base64 is made of visible letters");
    value.set_sensitive(true);
    value
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map_or("", Authority::as_str);
        f.write_str(authority)
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = self.authorization.as_ref().map_or("", |_| "***@");
        write!(f, "http://{credentials}{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str, want_credentials: Option<&str>) {
        let proxy = ProxyAddress::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(proxy.to_string(), want, "{text}");
        let credentials = proxy.authorization().map(|value| {
            let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
            BASE64_STANDARD.decode(encoded).unwrap()
        });
        assert_eq!(
            credentials.as_deref(),
            want_credentials.map(str::as_bytes),
            "{text}"
        );
    }

    #[test]
    fn scheme_port_and_credentials_may_be_left_out() {
        check(
            "http://proxy.example.test:3128",
            "proxy.example.test:3128",
            None,
        );
        check(
            "http://proxy.example.test:3128/",
            "proxy.example.test:3128",
            None,
        );
        check(" HTTP://proxy.example.test ", "proxy.example.test:80", None);
        check("proxy.example.test:3128", "proxy.example.test:3128", None);
        check("10.0.0.1", "10.0.0.1:80", None);
        check("[::1]:3128", "[::1]:3128", None);
        check("http://[::1]", "[::1]:80", None);
        check("user:pass@proxy:1", "proxy:1", Some("user:pass"));
        check("http://user@proxy", "proxy:80", Some("user:"));
        check("http://@proxy", "proxy:80", None);
    }

    #[test]
    fn credentials_are_decoded() {
        let user = "http://us%40er:p%3Aa%2Fs%25s@proxy:3128";
        check(user, "proxy:3128", Some("us@er:p:a/s%s"));
        check("http://u:a@b:c@proxy:3128", "proxy:3128", Some("u:a@b:c"));
    }

    #[test]
    fn what_is_no_http_proxy_is_refused() {
        for (text, want) in [
            ("", "it names no host, or not one that can be"),
            ("http://", "it names no host, or not one that can be"),
            ("http://:3128", "it names no host, or not one that can be"),
            ("http://a b", "it names no host, or not one that can be"),
            ("https://proxy:443", "its scheme is not http"),
            ("socks5://proxy:1080", "its scheme is not http"),
            ("http://proxy:", "its port is not one"),
            ("http://proxy:65536", "its port is not one"),
        ] {
            assert_eq!(ProxyAddress::parse(text).unwrap_err(), want, "{text:?}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let proxy = ProxyAddress::parse("http://user:secret@proxy:3128").unwrap();
        assert_eq!(
            format!("{proxy:?} {proxy}"),
            "http://***@proxy:3128 proxy:3128"
        );
        assert!(proxy.authorization().unwrap().is_sensitive());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, like in "(http://)?([a-z%:]{0,9}@)?[a-z0-9.\\[\\]:]{0,20}(/)?") {
            let _ = ProxyAddress::parse(&text);
            let _ = ProxyAddress::parse(&like);
        }
    }
}
