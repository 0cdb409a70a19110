//! URL functions.

use crate::value::{Value, bigint};

use super::{Call, Function, Param, plain, returns};

const ONE: &[Param] = &[Param::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    plain(&["url_encode"], ONE, 1, returns::varchar, encode),
    plain(&["url_decode"], ONE, 1, returns::varchar, decode),
    plain(
        &["url_extract_protocol"],
        ONE,
        1,
        returns::varchar,
        protocol,
    ),
    plain(&["url_extract_host"], ONE, 1, returns::varchar, host),
    plain(&["url_extract_port"], ONE, 1, returns::bigint, port),
    plain(&["url_extract_path"], ONE, 1, returns::varchar, path),
    plain(&["url_extract_query"], ONE, 1, returns::varchar, query),
    plain(
        &["url_extract_fragment"],
        ONE,
        1,
        returns::varchar,
        fragment,
    ),
    plain(
        &["url_extract_parameter"],
        &[Param::Text, Param::Text],
        2,
        returns::varchar,
        parameter,
    ),
];

/// The parts of a URL as written, still encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Url<'t> {
    protocol: Option<&'t str>,
    host: Option<&'t str>,
    port: Option<&'t str>,
    path: &'t str,
    query: Option<&'t str>,
    fragment: Option<&'t str>,
}

impl<'t> Url<'t> {
    /// Splits a URL after RFC 3986; `None` when it has characters no URL has.
    fn parse(text: &'t str) -> Option<Self> {
        if !is_valid(text) {
            return None;
        }
        let mut url = Url::default();
        let mut rest = text;
        if let Some((before, fragment)) = rest.split_once('#') {
            url.fragment = Some(fragment);
            rest = before;
        }
        if let Some((before, query)) = rest.split_once('?') {
            url.query = Some(query);
            rest = before;
        }
        if let Some((protocol, after)) = rest.split_once(':') {
            let mut chars = protocol.chars();
            let is_scheme = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
                && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
            if is_scheme {
                url.protocol = Some(protocol);
                rest = after;
            } else if !protocol.contains('/') {
                return None;
            }
        }
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find('/').unwrap_or(after.len());
            let (authority, path) = after.split_at(end);
            rest = path;
            url.authority(authority)?;
        }
        url.path = rest;
        // Brackets belong to the host, or to what follows the path.
        (!rest.contains(['[', ']'])).then_some(url)
    }

    fn authority(&mut self, authority: &'t str) -> Option<()> {
        let place = authority
            .split_once('@')
            .map_or(authority, |(_, place)| place);
        if place.contains('@') {
            return None;
        }
        let (host, port) = if place.starts_with('[') {
            let end = place.find(']')?;
            let (host, rest) = place.split_at(end + 1);
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':')?),
            };
            (host, port)
        } else {
            match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            }
        };
        let port = port.filter(|port| !port.is_empty());
        if port.is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        self.host = Some(host).filter(|host| !host.is_empty());
        self.port = port;
        Some(())
    }
}

/// Whether every character may stand in a URL and every `%` starts two hexadecimal digits.
fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        byte => !byte.is_ascii_control(),
    }) && text.matches('#').count() <= 1
}

/// Replaces `%XX`, and `+` when asked; `None` when a `%` does not start two digits.
fn percent_decode(text: &str, plus: bool) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let high = digit(bytes.next()?)?;
                let low = digit(bytes.next()?)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    Some(out)
}

/// A part with its escapes decoded.
fn decoded<'a>(call: &Call<'a, '_>, part: Option<&'a str>) -> Value<'a> {
    match part {
        None => Value::Null,
        Some(part) if !part.contains('%') => Value::Text(part.as_bytes()),
        Some(part) => {
            let bytes = percent_decode(part, false).unwrap_or_default();
            call.cx.text(&String::from_utf8_lossy(&bytes))
        }
    }
}

/// The URL of a call; `Err` is the result when there is none.
fn url<'a>(call: &Call<'a, '_>) -> Result<Url<'a>, Value<'a>> {
    match call.text(0) {
        Some(text) => Url::parse(text).ok_or(Value::Null),
        None => Err(call.mismatch()),
    }
}

fn encode<'a>(call: &Call<'a, '_>) -> Value<'a> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let Some(text) = call.text(0) else {
        return call.mismatch();
    };
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'*' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    call.cx.text(&out)
}

fn decode<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Some(text) = call.text(0) else {
        return call.mismatch();
    };
    match percent_decode(text, true) {
        Some(bytes) => call.cx.text(&String::from_utf8_lossy(&bytes)),
        None => call.cx.fail("a malformed escape", text.as_bytes()),
    }
}

fn protocol<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match url(call) {
        Ok(url) => decoded(call, url.protocol),
        Err(value) => value,
    }
}

fn host<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match url(call) {
        Ok(url) => decoded(call, url.host),
        Err(value) => value,
    }
}

fn port<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match url(call) {
        Ok(url) => {
            let port = url.port.and_then(|port| port.parse().ok());
            port.map_or(Value::Null, bigint)
        }
        Err(value) => value,
    }
}

fn path<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match url(call) {
        Ok(url) => decoded(call, Some(url.path)),
        Err(value) => value,
    }
}

fn query<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match url(call) {
        Ok(url) => decoded(call, url.query),
        Err(value) => value,
    }
}

fn fragment<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match url(call) {
        Ok(url) => decoded(call, url.fragment),
        Err(value) => value,
    }
}

/// The value of the first parameter of that name.
fn parameter<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (url, Some(name)) = (url(call), call.text(1)) else {
        return call.mismatch();
    };
    let query = match url {
        Ok(url) => url.query.unwrap_or_default(),
        Err(value) => return value,
    };
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent_decode(key, false).unwrap_or_default();
        if key == name.as_bytes() && !key.is_empty() {
            let value = percent_decode(value, false).unwrap_or_default();
            return call.cx.text(&String::from_utf8_lossy(&value));
        }
    }
    Value::Null
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_into_their_parts() {
        let url = Url::parse("https://u:p@[::1]:80/a/b?x=1&y#f").expect("valid");
        assert_eq!(
            url,
            Url {
                protocol: Some("https"),
                host: Some("[::1]"),
                port: Some("80"),
                path: "/a/b",
                query: Some("x=1&y"),
                fragment: Some("f"),
            }
        );
        let url = Url::parse("/only/path").expect("valid");
        assert_eq!(
            (url.path, url.host, url.protocol),
            ("/only/path", None, None)
        );
        assert_eq!(Url::parse("http://h:x/"), None);
        assert_eq!(Url::parse("http://h/%zz"), None);
        assert_eq!(Url::parse("not a url"), None);
    }
}
