//! Version 1: HMAC-SHA1 over decoded text, with an MD5 of the body.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use ring::hmac;

use super::{
    SignError, SignableRequest, SignatureHeaders, Signer, UPPER_HEX, http_date, md5, push_hex,
    secret_value,
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
        let date = http_date(time)?;
        let date_value = HeaderValue::from_str(&date).map_err(|_| SignError::TimeOutOfRange)?;
        let (method, token_name) = (headers::SIGNATURE_METHOD, headers::SECURITY_TOKEN);
        let mut added = Vec::with_capacity(6);
        let mut signed = request.headers.to_vec();
        signed.retain(|(name, _)| !is_replaced(name, credentials));
        signed.push((method.as_str(), SIGNATURE_METHOD.as_bytes()));
        added.push((
            headers::SIGNATURE_METHOD,
            HeaderValue::from_static(SIGNATURE_METHOD),
        ));
        if let Some(token) = credentials.security_token() {
            signed.push((token_name.as_str(), token.as_bytes()));
            added.push((headers::SECURITY_TOKEN, secret_value(token)?));
        }
        let digest = body_md5(request.body);
        if !digest.is_empty() {
            added.push((
                headers::CONTENT_MD5,
                HeaderValue::from_str(&digest).expect("hexadecimal digits are printable"),
            ));
        }
        let signable = SignableRequest {
            headers: &signed,
            ..*request
        };
        let to_sign = text_of(&signable, &digest, &date);
        let authorization = format!(
            "LOG {}:{}",
            credentials.access_key_id(),
            signature(credentials.access_key_secret(), &to_sign)
        );
        added.push((header::DATE, date_value.clone()));
        // Python sends this copy as well, and a server may prefer it to `Date`, which
        // proxies rewrite. It is not signed.
        added.push((headers::LOG_DATE, date_value));
        added.push((header::AUTHORIZATION, secret_value(&authorization)?));
        Ok(added)
    }
}

/// Headers that signing sets itself, so that signing twice gives the same.
fn is_replaced(name: &str, credentials: &Credentials) -> bool {
    let token = credentials
        .security_token()
        .map(|_| headers::SECURITY_TOKEN);
    [headers::SIGNATURE_METHOD, headers::CONTENT_SHA256]
        .iter()
        .chain(&token)
        .any(|own| name.eq_ignore_ascii_case(own.as_str()))
}

/// The text that version 1 signs, for a request dated `date` (the text of the header).
///
/// Every header `x-log-*` and `x-acs-*` takes part, except `x-log-date` and `x-log-meta-*`.
pub fn string_to_sign(request: &SignableRequest<'_>, date: &str) -> Vec<u8> {
    text_of(request, &body_md5(request.body), date)
}

fn text_of(request: &SignableRequest<'_>, body_md5: &str, date: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(request.method.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(body_md5.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(request.header(header::CONTENT_TYPE.as_str()));
    text.push(b'\n');
    text.extend_from_slice(date.as_bytes());
    text.push(b'\n');
    let mut signed: Vec<(String, &[u8])> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii()))
        .filter(|(name, _)| takes_part(name))
        .collect();
    signed.sort();
    for (name, value) in signed {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    text.extend_from_slice(request.path.as_bytes());
    for (index, (key, value)) in request.sorted_query().into_iter().enumerate() {
        text.push(if index == 0 { b'?' } else { b'&' });
        text.extend_from_slice(key.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
    }
    text
}

fn takes_part(name: &str) -> bool {
    (name.starts_with("x-log-") || name.starts_with("x-acs-"))
        && name != "x-log-date"
        && !name.starts_with("x-log-meta-")
}

/// HMAC-SHA1 of the text, in Base64.
pub fn signature(access_key_secret: &str, to_sign: &[u8]) -> String {
    let key = hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        access_key_secret.as_bytes(),
    );
    STANDARD.encode(hmac::sign(&key, to_sign))
}

/// What stands for the body in the signed text: nothing for an empty one.
fn body_md5(body: &[u8]) -> String {
    if body.is_empty() {
        String::new()
    } else {
        content_md5(body)
    }
}

/// The value of `Content-MD5`: upper-case hexadecimal, not Base64 as elsewhere in HTTP.
pub fn content_md5(body: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    push_hex(&mut text, &md5::digest(body), UPPER_HEX);
    text
}
