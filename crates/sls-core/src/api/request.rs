use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::wire::headers;

/// A request as an operation describes it: no address, no signature.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path before percent-encoding: signatures are made over this form.
    pub path: String,
    /// Query parameters before percent-encoding, in the order they are sent.
    pub query: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// Headers of the operation; `Host` and the signature's come on top.
    pub headers: HeaderMap,
    /// The body as it is sent.
    pub body: Bytes,
}

impl ApiRequest {
    /// What stands for a slash within a name in [`path`](Self::path); such a name is no name of
    /// the service.
    pub const SLASH: &'static str = "%2F";

    /// A request without body: `x-log-bodyrawsize` is 0 then.
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(
            headers::API_VERSION,
            HeaderValue::from_static(headers::API_VERSION_VALUE),
        );
        headers.insert(headers::BODY_RAW_SIZE, HeaderValue::from_static("0"));
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers,
            body: Bytes::new(),
        }
    }

    pub(super) fn with_query(
        mut self,
        key: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.query.push((Cow::Borrowed(key), value.into()));
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn with_content_type(self, value: &'static str) -> Self {
        self.with_header(header::CONTENT_TYPE, HeaderValue::from_static(value))
    }

    pub(super) fn with_json(self, value: &serde_json::Value) -> Self {
        let body = Bytes::from(value.to_string());
        let raw_size = HeaderValue::from(body.len());
        let mut request = self
            .with_content_type(headers::JSON)
            .with_header(headers::BODY_RAW_SIZE, raw_size);
        request.body = body;
        request
    }

    /// Path and query in percent-encoding, ready for a request line.
    pub fn path_and_query(&self) -> String {
        let mut text = String::with_capacity(self.path.len() + 32 * self.query.len());
        text.extend(utf8_percent_encode(&self.path, PATH));
        for (index, (key, value)) in self.query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(key, QUERY));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY));
        }
        text
    }
}

/// A name as one part of a path: a slash in it, which no name may have, is written as `%2F`, so
/// that no name is taken for two, and the path for another one.
pub(super) struct Name<T>(pub(super) T);

impl<T: AsRef<str>> fmt::Display for Name<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.as_ref().split('/').enumerate() {
            if at > 0 {
                f.write_str(ApiRequest::SLASH)?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// Everything but the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_in_a_name_begins_no_other_name() {
        let path = format!("/logstores/{}/shards/7", Name("a/b//c"));
        assert_eq!(path, "/logstores/a%2Fb%2F%2Fc/shards/7");
        // Decoded once, as a server does, it is the name with the sign and not the slash.
        let request = ApiRequest::new(Method::GET, path);
        assert_eq!(
            request.path_and_query(),
            "/logstores/a%252Fb%252F%252Fc/shards/7"
        );
        assert_eq!(Name("orders").to_string(), "orders");
    }

    #[test]
    fn spaces_and_slashes_of_a_query_are_percent_encoded() {
        let request =
            ApiRequest::new(Method::GET, "/logstores/a b").with_query("query", "* | x=/+");
        assert_eq!(
            request.path_and_query(),
            "/logstores/a%20b?query=%2A%20%7C%20x%3D%2F%2B"
        );
    }
}
