//! Signatures, versions 1 and 4, as functions of request, credentials and time.
//!
//! Nothing here reads a clock or changes a request: a [`Signer`] returns the headers to
//! add. The steps in between are public because a server recomputes them and because a
//! refused signature is found by comparing them.

mod md5;
pub mod v1;
pub mod v4;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use httpdate::HttpDate;
use ring::{digest, hmac};

use crate::credentials::Credentials;

pub use v1::SignV1;
pub use v4::SignV4;

/// What of a request takes part in a signature.
#[derive(Debug, Clone, Copy)]
pub struct SignableRequest<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// The path before percent-encoding, as the official clients sign it.
    pub path: &'a str,
    /// Query parameters before percent-encoding, in any order, each key once.
    pub query: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// Headers, in any order and case; each signer picks what it signs.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body as sent, that is, compressed.
    pub body: &'a [u8],
}

impl<'a> SignableRequest<'a> {
    /// The trimmed value of a header, empty when it is absent.
    fn header(&self, name: &str) -> &'a [u8] {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or(&[], |(_, value)| value.trim_ascii())
    }

    /// The query sorted by key, in byte order.
    fn sorted_query(&self) -> Vec<&'a (Cow<'a, str>, Cow<'a, str>)> {
        let mut query: Vec<_> = self.query.iter().collect();
        query.sort_by(|a, b| a.0.cmp(&b.0));
        query
    }
}

/// The headers that are signed, sorted by their name in lower case; values are trimmed.
struct SignedHeaders<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> SignedHeaders<'a> {
    /// Takes those of `found` that are signed, then `added`, which replace what is found
    /// under their names, so that signing twice gives the same.
    fn new(
        found: &[(&'a str, &'a [u8])],
        added: &[(&'a str, &'a [u8])],
        takes_part: fn(&str) -> bool,
    ) -> Self {
        let is_added = |name: &str| added.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut headers = Vec::with_capacity(found.len() + added.len());
        headers.extend(found.iter().filter(|(name, _)| !is_added(name)));
        headers.extend(added);
        headers.retain(|(name, _)| takes_part(name));
        for (_, value) in &mut headers {
            *value = value.trim_ascii();
        }
        headers.sort_unstable_by(|(a, a_value), (b, b_value)| {
            lower(a).cmp(lower(b)).then_with(|| a_value.cmp(b_value))
        });
        Self(headers)
    }

    /// A line `name:value` for each.
    fn write_lines(&self, text: &mut impl Text) {
        for (name, value) in &self.0 {
            write_lower(text, name);
            text.write(b":");
            text.write(value);
            text.write(b"\n");
        }
    }
}

/// Where text goes that is signed: a buffer for people, a digest for the signature itself.
trait Text {
    fn write(&mut self, part: &[u8]);
}

impl Text for Vec<u8> {
    fn write(&mut self, part: &[u8]) {
        self.extend_from_slice(part);
    }
}

impl Text for hmac::Context {
    fn write(&mut self, part: &[u8]) {
        self.update(part);
    }
}

impl Text for digest::Context {
    fn write(&mut self, part: &[u8]) {
        self.update(part);
    }
}

fn write_lower(text: &mut impl Text, name: &str) {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.write(name.to_ascii_lowercase().as_bytes());
    } else {
        text.write(name.as_bytes());
    }
}

fn lower(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().map(|byte| byte.to_ascii_lowercase())
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The headers that a signature adds to a request.
pub type SignatureHeaders = Vec<(HeaderName, HeaderValue)>;

/// Proves who sends a request. Object safe, pure.
pub trait Signer: fmt::Debug + Send + Sync + 'static {
    /// The headers to add, or to replace, so that the request is signed at `time`.
    ///
    /// # Errors
    /// [`SignError`] when the key, the token or the time cannot stand in a header.
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Result<SignatureHeaders, SignError>;
}

const _: fn(&dyn Signer) = |_| {};

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Result<SignatureHeaders, SignError> {
        (**self).sign(request, credentials, time)
    }
}

/// Why a request cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key id or the token has characters that no header may have.
    #[error("the access key id or the security token has characters that no header may have")]
    CredentialsNotPrintable,
    /// The clock is before 1970 or after 9999.
    #[error("the clock is before 1970 or after 9999")]
    TimeOutOfRange,
}

/// The values of the headers to add, in one allocation that they share.
struct Values {
    bytes: Vec<u8>,
}

impl Values {
    /// Enough for a token of the usual size beside the signature.
    const CAPACITY: usize = 1024;

    fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(Self::CAPACITY),
        }
    }

    /// Appends what `write` writes and says where it is.
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        start..self.bytes.len()
    }

    fn get(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    fn share(self) -> Bytes {
        Bytes::from(self.bytes)
    }
}

fn header_value(bytes: Bytes) -> Result<HeaderValue, SignError> {
    HeaderValue::from_maybe_shared(bytes).map_err(|_| SignError::CredentialsNotPrintable)
}

/// The same, marked so that no `Debug` of a header map shows it.
fn secret_value(bytes: Bytes) -> Result<HeaderValue, SignError> {
    let mut value = header_value(bytes)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Seconds since the Unix epoch, within the years that four digits can write.
fn unix_seconds(time: SystemTime) -> Result<u64, SignError> {
    const YEAR_10000: u64 = 253_402_300_800;
    time.duration_since(UNIX_EPOCH)
        .map(|since| since.as_secs())
        .ok()
        .filter(|seconds| *seconds < YEAR_10000)
        .ok_or(SignError::TimeOutOfRange)
}

/// `Tue, 14 Nov 2023 22:13:20 GMT`, the form of the header `Date`.
fn http_date(time: SystemTime) -> Result<HttpDate, SignError> {
    let seconds = unix_seconds(time)?;
    Ok(HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds)))
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8], digits: &[u8; 16]) {
    for byte in bytes {
        out.push(digits[usize::from(byte >> 4)]);
        out.push(digits[usize::from(byte & 15)]);
    }
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes, digits);
    String::from_utf8(text).expect("hexadecimal digits are ASCII")
}

const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";
