//! Who is asking: signatures of both versions, recomputed over what was received.
//!
//! The checks come in this order, and the first that fails is the answer: an authorization
//! at all, a time, a time close to ours, a key we know, its token, the body's digest, the
//! signature. Everything up to the key costs nothing, so strangers are cheap.

use std::time::{Duration, SystemTime};

use http::header;
use sls_core::Credentials;
use sls_core::sign::{SignableRequest, v1, v4};
use sls_core::wire::headers;

use super::http_date;
use super::request::Request;
use crate::refusal::Refusal;

/// How far a request's time may be from ours, before or after, as the manual has it.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// The keys that may ask.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    known: Vec<Credentials>,
    /// Whether nobody is asked for a signature.
    open: bool,
}

impl Keys {
    pub(crate) fn new(known: Vec<Credentials>) -> Self {
        Self { known, open: false }
    }

    /// Everybody may ask, signed or not.
    pub(crate) fn open() -> Self {
        Self {
            known: Vec::new(),
            open: true,
        }
    }

    /// Whether `request` was signed, around `now`, with a key that is known.
    pub(crate) fn verify(&self, request: &Request, now: SystemTime) -> Result<(), Refusal> {
        if self.open {
            return Ok(());
        }
        let authorization = request.header(&header::AUTHORIZATION).unwrap_or_default();
        match Authorization::parse(authorization)? {
            Authorization::V1(given) => self.verify_v1(request, &given, now),
            Authorization::V4(given) => self.verify_v4(request, &given, now),
        }
    }

    fn verify_v1(&self, request: &Request, given: &V1<'_>, now: SystemTime) -> Result<(), Refusal> {
        match request.header(&headers::SIGNATURE_METHOD) {
            Some(method) if method.eq_ignore_ascii_case(v1::SIGNATURE_METHOD) => {}
            Some(method) => {
                let message = format!("signature method {method} is unsupported.");
                return Err(Refusal::bad("InvalidSignatureMethod", message));
            }
            None => {
                let message = "x-log-signaturemethod does not exist in http header.";
                return Err(Refusal::bad("MissingSignatureMethod", message));
            }
        }
        // Proxies rewrite `Date`; the copy wins where there is one.
        let date = request
            .header(&headers::LOG_DATE)
            .or_else(|| request.header(&header::DATE))
            .ok_or_else(|| missing_date("Date"))?;
        let time = httpdate::parse_http_date(date).map_err(|_| invalid_date(date))?;
        check_skew(date, time, now)?;
        let keys = self.keys(request, given.key_id)?;
        // The service signs what the header says, so a body without one does not match.
        let digest = request.header(&headers::CONTENT_MD5).unwrap_or_default();
        let nothing = digest.is_empty() && request.body.is_empty();
        if !nothing && !digest.eq_ignore_ascii_case(&v1::content_md5(&request.body)) {
            return Err(wrong_digest("Content-MD5"));
        }
        let received = Received::of(request);
        let matches = received.paths(request).any(|path| {
            let signable = received.signable(request, path);
            [v1::string_to_sign, v1::string_to_sign_with_meta]
                .iter()
                .map(|to_sign| to_sign(&signable, date))
                .any(|text| {
                    keys.iter().any(|key| {
                        let own = v1::signature(key.access_key_secret(), &text);
                        equal_in_constant_time(own.as_bytes(), given.signature.as_bytes())
                    })
                })
        });
        accept(matches, given.signature)
    }

    fn verify_v4(&self, request: &Request, given: &V4<'_>, now: SystemTime) -> Result<(), Refusal> {
        let date = request
            .header(&headers::LOG_DATE)
            .ok_or_else(|| missing_date("x-log-date"))?;
        let time = parse_v4_date(date).ok_or_else(|| invalid_date(date))?;
        check_skew(date, time, now)?;
        let scope = v4::scope(date, given.region);
        if scope != given.scope {
            return Err(Refusal::unauthorized(
                "SignatureNotMatch",
                format!("the scope of the signature is {}, not {scope}", given.scope),
            ));
        }
        let keys = self.keys(request, given.key_id)?;
        let digest = request.header(&headers::CONTENT_SHA256).ok_or_else(|| {
            Refusal::parameter("x-log-content-sha256 does not exist in http header.")
        })?;
        if digest != v4::content_sha256(&request.body) {
            return Err(wrong_digest("x-log-content-sha256"));
        }
        let received = Received::of(request);
        let matches = received.paths(request).any(|path| {
            let canonical = v4::canonical_request(&received.signable(request, path), digest);
            let text = v4::string_to_sign(date, &scope, &canonical);
            keys.iter().any(|key| {
                let day_key = v4::signing_key(key.access_key_secret(), date, given.region);
                let own = v4::signature(&day_key, &text);
                equal_in_constant_time(own.as_bytes(), given.signature.as_bytes())
            })
        });
        accept(matches, given.signature)
    }

    /// The known keys of this id whose token is the request's; never none.
    fn keys(&self, request: &Request, id: &str) -> Result<Vec<&Credentials>, Refusal> {
        let named: Vec<_> = self
            .known
            .iter()
            .filter(|key| key.access_key_id() == id)
            .collect();
        if named.is_empty() {
            let message = format!("AccessKeyId not found: {id}");
            return Err(Refusal::unauthorized("Unauthorized", message));
        }
        let token = request.header(&headers::SECURITY_TOKEN);
        let same_token = |key: &&Credentials| match (key.security_token(), token) {
            (Some(own), Some(given)) => equal_in_constant_time(own.as_bytes(), given.as_bytes()),
            (None, None) => true,
            _ => false,
        };
        let keys: Vec<_> = named.into_iter().filter(same_token).collect();
        if keys.is_empty() {
            let message = "The security token you provided is missing, invalid or has expired.";
            return Err(Refusal::unauthorized("Unauthorized", message));
        }
        Ok(keys)
    }
}

/// The header `Authorization`, taken apart.
enum Authorization<'a> {
    V1(V1<'a>),
    V4(V4<'a>),
}

struct V1<'a> {
    key_id: &'a str,
    signature: &'a str,
}

struct V4<'a> {
    key_id: &'a str,
    scope: &'a str,
    region: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Result<Self, Refusal> {
        let parsed = match text.split_once(' ') {
            Some(("LOG", rest)) => Self::parse_v1(rest.trim()),
            Some((v4::ALGORITHM, rest)) => Self::parse_v4(rest.trim()),
            _ => None,
        };
        parsed.ok_or_else(|| {
            let message = if text.is_empty() {
                "Authorization does not exist in http header."
            } else {
                "Authorization is of no supported form."
            };
            Refusal::bad("MissAccessKeyId", message)
        })
    }

    fn parse_v1(text: &'a str) -> Option<Self> {
        let (key_id, signature) = text.split_once(':')?;
        Some(Self::V1(V1 { key_id, signature }))
    }

    /// `Credential={id}/{day}/{region}/sls/aliyun_v4_request,Signature={hex}`
    fn parse_v4(text: &'a str) -> Option<Self> {
        let (credential, signature) = text.split_once(',')?;
        let credential = credential.trim().strip_prefix("Credential=")?;
        let signature = signature.trim().strip_prefix("Signature=")?;
        let mut parts = credential.rsplitn(5, '/');
        let region = parts.nth(2)?;
        let key_id = parts.nth(1)?;
        Some(Self::V4(V4 {
            key_id,
            scope: credential.get(key_id.len() + 1..)?,
            region,
            signature,
        }))
    }
}

/// The parts of a request in the form that signing functions take.
struct Received<'a> {
    headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Received<'a> {
    fn of(request: &'a Request) -> Self {
        Self {
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
                .collect(),
        }
    }

    /// Most clients sign the path before percent-encoding, the Go client after.
    fn paths(&self, request: &'a Request) -> impl Iterator<Item = &'a str> + use<'a> {
        let escaped = (request.raw_path != request.path).then_some(request.raw_path.as_str());
        std::iter::once(request.path.as_str()).chain(escaped)
    }

    fn signable<'b>(&'b self, request: &'b Request, path: &'b str) -> SignableRequest<'b> {
        SignableRequest {
            method: request.method.as_str(),
            path,
            query: &request.query,
            headers: &self.headers,
            body: &request.body,
        }
    }
}

fn accept(matches: bool, signature: &str) -> Result<(), Refusal> {
    if matches {
        return Ok(());
    }
    let message = format!("signature {signature} is not matched.");
    Err(Refusal::unauthorized("SignatureNotMatch", message))
}

fn check_skew(text: &str, time: SystemTime, now: SystemTime) -> Result<(), Refusal> {
    let skew = now
        .duration_since(time)
        .unwrap_or_else(|ahead| ahead.duration());
    if skew <= MAX_SKEW {
        return Ok(());
    }
    Err(Refusal::bad(
        "RequestTimeExpired",
        format!(
            "Request time {text} has been expired while server time is {}.",
            http_date(now)
        ),
    ))
}

fn parse_v4_date(text: &str) -> Option<SystemTime> {
    let right_form = text.len() == 16 && text.as_bytes()[8] == b'T' && text.ends_with('Z');
    right_form
        .then(|| text.parse::<jiff::Timestamp>().ok())
        .flatten()
        .map(SystemTime::from)
}

fn missing_date(name: &str) -> Refusal {
    Refusal::bad(
        "MissingDate",
        format!("{name} does not exist in http header."),
    )
}

fn invalid_date(text: &str) -> Refusal {
    Refusal::bad("InvalidDateFormat", format!("Date {text} cannot be read."))
}

/// The service documents no code of its own for this; to a client it is a request that was
/// changed on its way.
fn wrong_digest(name: &str) -> Refusal {
    let message = format!("header {name} is not the digest of the body");
    Refusal::unauthorized("SignatureNotMatch", message)
}

/// Takes as long for a first difference as for a last one.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| {
        std::hint::black_box(difference | (a ^ b))
    });
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authorization_of_another_form_is_no_access_key() {
        for text in [
            "",
            "LOG",
            "LOG nocolon",
            "Bearer x:y",
            "SLS4-HMAC-SHA256 Credential=a/b/c,Signature=d",
            "SLS4-HMAC-SHA256 Signature=d,Credential=a/20231114/r/sls/aliyun_v4_request",
        ] {
            let refusal = Authorization::parse(text).err().unwrap();
            assert_eq!(refusal.code, "MissAccessKeyId", "{text}");
        }
    }

    #[test]
    fn a_key_id_may_have_slashes_and_a_region_may_be_empty() {
        let text = "SLS4-HMAC-SHA256 Credential=a/b/20231114//sls/aliyun_v4_request,Signature=d";
        let Ok(Authorization::V4(given)) = Authorization::parse(text) else {
            panic!("{text}")
        };
        assert_eq!((given.key_id, given.region), ("a/b", ""));
        assert_eq!(given.scope, "20231114//sls/aliyun_v4_request");
    }

    #[test]
    fn dates_of_version_4_have_one_form() {
        assert!(parse_v4_date("20231114T221320Z").is_some());
        for bad in [
            "",
            "20231114T221320",
            "2023-11-14T22:13:20Z",
            "20231314T221320Z",
        ] {
            assert!(parse_v4_date(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn bytes_are_equal_only_as_a_whole() {
        assert!(equal_in_constant_time(b"abc", b"abc"));
        for other in [&b"abd"[..], b"Abc", b"ab", b"abcd", b""] {
            assert!(!equal_in_constant_time(b"abc", other));
        }
    }
}
