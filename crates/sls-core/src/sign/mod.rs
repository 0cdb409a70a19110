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
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue};

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

fn header_value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|_| SignError::CredentialsNotPrintable)
}

/// The same, marked so that no `Debug` of a header map shows it.
fn secret_value(text: &str) -> Result<HeaderValue, SignError> {
    let mut value = header_value(text)?;
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
fn http_date(time: SystemTime) -> Result<String, SignError> {
    let seconds = unix_seconds(time)?;
    Ok(httpdate::fmt_http_date(
        UNIX_EPOCH + Duration::from_secs(seconds),
    ))
}

fn push_hex(out: &mut String, bytes: &[u8], digits: &[u8; 16]) {
    for byte in bytes {
        out.push(digits[usize::from(byte >> 4)] as char);
        out.push(digits[usize::from(byte & 15)] as char);
    }
}

const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";
