//! Version 1: HMAC-SHA1 over decoded text, with an MD5 of the body.

use std::io::Write as _;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use ring::hmac;

use super::{
    SignError, SignableRequest, SignatureHeaders, SignedHeaders, Signer, Text, UPPER_HEX, Values,
    header_value, hex, http_date, md5, push_hex, secret_value, starts_with,
};
use crate::credentials::Credentials;
use crate::wire::headers;

/// The value of `x-log-signaturemethod`.
pub const SIGNATURE_METHOD: &str = "hmac-sha1";

/// Signs with version 1, which every server and region accepts.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignV1;

impl Signer for SignV1 {
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Result<SignatureHeaders, SignError> {
        let mut values = Values::new();
        let date = http_date(time)?;
        let date = values.add(|text| {
            write!(text, "{date}").expect("writing to a Vec cannot fail");
        });
        let digest = values.add(|text| push_md5(text, request.body));
        let token = credentials.security_token();
        let token_range = values.add(|text| {
            text.extend_from_slice(token.unwrap_or_default().as_bytes());
        });

        const SHA256: &str = "x-log-content-sha256";
        let (method_name, token_name) = (headers::SIGNATURE_METHOD, headers::SECURITY_TOKEN);
        let method = (method_name.as_str(), SIGNATURE_METHOD.as_bytes());
        let token = token.map(|token| (token_name.as_str(), token.as_bytes()));
        // A hash that version 4 left there is not this version's to sign.
        let takes_part = |name: &str| takes_part(name) && !name.eq_ignore_ascii_case(SHA256);
        let signed = match token {
            Some(token) => SignedHeaders::new(request.headers, &[method, token], takes_part),
            None => SignedHeaders::new(request.headers, &[method], takes_part),
        };
        let mut to_sign = hmac::Context::with_key(&key(credentials.access_key_secret()));
        let (digest_text, date_text) = (values.get(&digest), values.get(&date));
        write_text(&mut to_sign, request, &signed, digest_text, date_text);
        let tag = to_sign.sign();
        let authorization = values.add(|text| {
            text.extend_from_slice(b"LOG ");
            text.extend_from_slice(credentials.access_key_id().as_bytes());
            text.push(b':');
            let mut base64 = [0; 28];
            let written = STANDARD.encode_slice(tag, &mut base64);
            let written = written.expect("20 bytes are 28 digits");
            text.extend_from_slice(&base64[..written]);
        });

        let values = values.share();
        let mut added = Vec::with_capacity(6);
        added.push((
            headers::SIGNATURE_METHOD,
            HeaderValue::from_static(SIGNATURE_METHOD),
        ));
        if token.is_some() {
            let value = secret_value(values.slice(token_range))?;
            added.push((headers::SECURITY_TOKEN, value));
        }
        if !digest.is_empty() {
            added.push((headers::CONTENT_MD5, header_value(values.slice(digest))?));
        }
        let date = header_value(values.slice(date))?;
        added.push((header::DATE, date.clone()));
        // Python sends this copy as well, and a server may prefer it to `Date`, which
        // proxies rewrite. It is not signed.
        added.push((headers::LOG_DATE, date));
        let authorization = secret_value(values.slice(authorization))?;
        added.push((header::AUTHORIZATION, authorization));
        Ok(added)
    }
}

/// The text that version 1 signs, for a request dated `date` (the text of the header).
///
/// Every header `x-log-*` and `x-acs-*` takes part, except `x-log-date` and `x-log-meta-*`.
pub fn string_to_sign(request: &SignableRequest<'_>, date: &str) -> Vec<u8> {
    text_to_sign(request, date, takes_part)
}

/// The same with `x-log-meta-*` taking part, as the Go, Java and Rust clients have it.
///
/// A server that cannot know which client it faces accepts both.
pub fn string_to_sign_with_meta(request: &SignableRequest<'_>, date: &str) -> Vec<u8> {
    text_to_sign(request, date, |name| takes_part(name) || is_meta(name))
}

fn text_to_sign(
    request: &SignableRequest<'_>,
    date: &str,
    takes_part: fn(&str) -> bool,
) -> Vec<u8> {
    let signed = SignedHeaders::new(request.headers, &[], takes_part);
    let mut digest = Vec::new();
    push_md5(&mut digest, request.body);
    let mut text = Vec::with_capacity(512);
    write_text(&mut text, request, &signed, &digest, date.as_bytes());
    text
}

fn write_text(
    text: &mut impl Text,
    request: &SignableRequest<'_>,
    signed: &SignedHeaders<'_>,
    digest: &[u8],
    date: &[u8],
) {
    for line in [
        request.method.as_bytes(),
        digest,
        request.header(header::CONTENT_TYPE.as_str()),
        date,
    ] {
        text.write(line);
        text.write(b"\n");
    }
    signed.write_lines(text);
    text.write(request.path.as_bytes());
    for (index, (key, value)) in request.sorted_query().into_iter().enumerate() {
        text.write(if index == 0 { b"?" } else { b"&" });
        text.write(key.as_bytes());
        text.write(b"=");
        text.write(value.as_bytes());
    }
}

fn takes_part(name: &str) -> bool {
    (starts_with(name, "x-log-") || starts_with(name, "x-acs-"))
        && !name.eq_ignore_ascii_case("x-log-date")
        && !is_meta(name)
}

fn is_meta(name: &str) -> bool {
    starts_with(name, "x-log-meta-")
}

/// HMAC-SHA1 of the text, in Base64.
pub fn signature(access_key_secret: &str, to_sign: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&key(access_key_secret), to_sign))
}

fn key(access_key_secret: &str) -> hmac::Key {
    let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    hmac::Key::new(algorithm, access_key_secret.as_bytes())
}

/// What stands for the body in the signed text: nothing for an empty one.
fn push_md5(text: &mut Vec<u8>, body: &[u8]) {
    if !body.is_empty() {
        push_hex(text, &md5::digest(body), UPPER_HEX);
    }
}

/// The value of `Content-MD5`: upper-case hexadecimal, not Base64 as elsewhere in HTTP.
pub fn content_md5(body: &[u8]) -> String {
    hex(&md5::digest(body), UPPER_HEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_headers_take_part_on_request_only() {
        let request = SignableRequest {
            method: "GET",
            path: "/",
            query: &[],
            headers: &[("X-Log-Meta-Note", b"n"), ("x-log-apiversion", b"0.6.0")],
            body: &[],
        };
        let without = string_to_sign(&request, "d");
        assert_eq!(without, b"GET\n\n\nd\nx-log-apiversion:0.6.0\n/");
        let with = string_to_sign_with_meta(&request, "d");
        assert_eq!(
            with,
            b"GET\n\n\nd\nx-log-apiversion:0.6.0\nx-log-meta-note:n\n/"
        );
    }
}
