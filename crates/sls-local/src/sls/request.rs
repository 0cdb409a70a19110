//! A request as it was received, taken apart once.

use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use sls_core::model::{Cursor, ShardId};
use sls_core::wire::{Compression, headers};

use super::host::HostNames;
use crate::refusal::Refusal;

/// Keys and values, decoded.
pub(crate) type Query = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// A request whose parts are decoded and whose sender is not known yet.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// As in the request line.
    pub(crate) raw_path: String,
    /// Percent-decoded.
    pub(crate) path: String,
    /// Decoded, `+` as a space, in the order of the request line.
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    /// As sent, that is, possibly compressed.
    pub(crate) body: Bytes,
    /// `None` for calls to the account.
    pub(crate) project: Option<String>,
    /// The address of the client, when there is a connection.
    pub(crate) peer: Option<IpAddr>,
}

impl Request {
    pub(crate) fn new(
        parts: Parts,
        body: Bytes,
        peer: Option<IpAddr>,
        hosts: &HostNames,
    ) -> Result<Self, Refusal> {
        // Never from the target: a client that takes this server for its proxy writes an
        // absolute one, with an authority of its own choice.
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .filter(|host| !host.is_empty())
            .ok_or_else(|| Refusal::bad("MissingHost", "Host does not exist in http header."))?;
        let project = hosts.project(host)?;
        let raw_path = parts.uri.path().to_owned();
        let path = decode(&raw_path, false)?.into_owned();
        let query = parse_query(parts.uri.query().unwrap_or_default())?;
        Ok(Self {
            method: parts.method,
            raw_path,
            path,
            query,
            headers: parts.headers,
            body,
            project,
            peer,
        })
    }

    /// The names in the path.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.split('/').skip(1).collect()
    }

    /// The project, which every operation but a few needs.
    pub(crate) fn project(&self) -> Result<&str, Refusal> {
        self.project.as_deref().ok_or_else(|| {
            Refusal::missing(
                "ProjectNotExist",
                "The Project does not exist : the host names none",
            )
        })
    }

    /// A header's text; `None` when it is absent or no text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// A parameter of the query; `None` when it is absent or blank.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
            .filter(|value| !value.trim().is_empty())
    }

    /// A parameter that must be a number when it is there.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.parameter(name) else {
            return Ok(None);
        };
        let number = text.trim().parse();
        number
            .map(Some)
            .map_err(|_| Refusal::parameter(format!("parameter {name} is not a number: {text:?}")))
    }

    /// A parameter that must be a yes or no when it is there; Python writes `True`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.parameter(name) else {
            return Ok(None);
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(Refusal::parameter(format!(
                "parameter {name} is neither true nor false: {text:?}"
            ))),
        }
    }

    /// A parameter that must be a cursor when it is there.
    pub(crate) fn cursor(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.parameter(name) else {
            return Ok(None);
        };
        // White space is dropped here, after the signature was checked with it.
        let position = Cursor::new(text).position();
        position.map(Some).ok_or_else(|| {
            Refusal::parameter(format!("parameter {name} is not a cursor: {text:?}"))
        })
    }

    /// `offset` and `size` of a list, `size` at most 500.
    pub(crate) fn page(&self, default_size: usize) -> Result<(usize, usize), Refusal> {
        let offset = self.number("offset")?.unwrap_or(0);
        let size = self.number("size")?.unwrap_or(default_size);
        if size > MAX_PAGE {
            return Err(Refusal::parameter(format!("size must be 0 to {MAX_PAGE}")));
        }
        Ok((offset, size))
    }

    /// The body, which must be JSON of this form; another is refused with `code`.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        code: &'static str,
        max_bytes: usize,
    ) -> Result<T, Refusal> {
        let body = super::body::raw(self, max_bytes)?;
        serde_json::from_slice(&body)
            .map_err(|cause| Refusal::bad(code, format!("body cannot be read as JSON: {cause}")))
    }

    /// The compression the client wants the answer to have.
    ///
    /// A list with `gzip` is what HTTP libraries send by themselves: they would look for
    /// `Content-Encoding`, which this protocol does not use.
    pub(crate) fn accepts(&self) -> Compression {
        let text = self.header(&header::ACCEPT_ENCODING).unwrap_or_default();
        let mut names = text
            .split(',')
            .map(|part| part.split(';').next().unwrap_or_default().trim());
        if names.clone().any(|name| name.eq_ignore_ascii_case("gzip")) {
            return Compression::None;
        }
        names
            .find_map(Compression::from_name)
            .unwrap_or(Compression::None)
    }

    /// Whether the body is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.header(&headers::COMPRESS_TYPE)
            .is_some_and(|name| !name.is_empty())
    }
}

/// The most entries of a list in one answer.
const MAX_PAGE: usize = 500;

/// The number of a shard in a path.
pub(crate) fn shard_id(text: &str) -> Result<ShardId, Refusal> {
    let id = text.parse().map(ShardId);
    id.map_err(|_| Refusal::parameter(format!("invalid shard id {text:?}")))
}

fn parse_query(text: &str) -> Result<Query, Refusal> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key, true)?, decode(value, true)?))
        })
        .collect()
}

fn decode(text: &str, plus_is_space: bool) -> Result<Cow<'static, str>, Refusal> {
    let spaced = if plus_is_space && text.contains('+') {
        Cow::Owned(text.replace('+', " "))
    } else {
        Cow::Borrowed(text)
    };
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(Cow::Owned(decoded.into_owned())),
        Err(_) => Err(Refusal::parameter("path or query is not UTF-8")),
    }
}
