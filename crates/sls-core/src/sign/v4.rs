//! Version 4: HMAC-SHA256 over a canonical request, with a key for one day and region.

use std::fmt::Write as _;
use std::time::SystemTime;

use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::{
    LOWER_HEX, SignError, SignableRequest, SignatureHeaders, Signer, push_hex, secret_value,
    unix_seconds,
};
use crate::credentials::Credentials;
use crate::wire::headers;

/// The first word of `Authorization`.
pub const ALGORITHM: &str = "SLS4-HMAC-SHA256";

/// Signs with version 4 for one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignV4 {
    region: String,
}

impl SignV4 {
    /// Signs for `region`, for instance `cn-hangzhou`; see
    /// [`Endpoint::region`](crate::Endpoint::region).
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
        }
    }

    /// The region that is signed for.
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl Signer for SignV4 {
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Result<SignatureHeaders, SignError> {
        let date_time = date_time(time)?;
        let body_hash = content_sha256(request.body);
        let (date, hash, token_name) = (
            headers::LOG_DATE,
            headers::CONTENT_SHA256,
            headers::SECURITY_TOKEN,
        );
        let mut added = Vec::with_capacity(4);
        let mut signed = request.headers.to_vec();
        signed.retain(|(name, _)| !is_replaced(name, credentials));
        signed.push((date.as_str(), date_time.as_bytes()));
        signed.push((hash.as_str(), body_hash.as_bytes()));
        if let Some(token) = credentials.security_token() {
            signed.push((token_name.as_str(), token.as_bytes()));
            added.push((headers::SECURITY_TOKEN, secret_value(token)?));
        }
        let canonical = canonical_request(
            &SignableRequest {
                headers: &signed,
                ..*request
            },
            &body_hash,
        );
        let scope = scope(&date_time, &self.region);
        let key = signing_key(credentials.access_key_secret(), &date_time, &self.region);
        let signature = signature(&key, &string_to_sign(&date_time, &scope, &canonical));
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope},Signature={signature}",
            credentials.access_key_id()
        );
        for (name, text) in [
            (headers::LOG_DATE, &date_time),
            (headers::CONTENT_SHA256, &body_hash),
        ] {
            let value = HeaderValue::from_str(text).map_err(|_| SignError::TimeOutOfRange)?;
            added.push((name, value));
        }
        added.push((header::AUTHORIZATION, secret_value(&authorization)?));
        Ok(added)
    }
}

/// Headers that signing sets itself, so that signing twice gives the same.
fn is_replaced(name: &str, credentials: &Credentials) -> bool {
    let token = credentials
        .security_token()
        .map(|_| headers::SECURITY_TOKEN);
    [headers::LOG_DATE, headers::CONTENT_SHA256]
        .iter()
        .chain(&token)
        .any(|own| name.eq_ignore_ascii_case(own.as_str()))
}

/// The request in the one form that both sides can compute.
///
/// `Content-Type`, `Host`, `x-log-*` and `x-acs-*` take part, except `x-log-meta-*`. Their
/// list is not transmitted; a server applies the same rule to what it received.
pub fn canonical_request(request: &SignableRequest<'_>, body_sha256: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    text.extend_from_slice(request.method.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(request.path.as_bytes());
    text.push(b'\n');
    for (index, (key, value)) in request.sorted_query().into_iter().enumerate() {
        if index > 0 {
            text.push(b'&');
        }
        // Keys are not percent-encoded, and an empty value takes its `=` with it.
        text.extend_from_slice(key.as_bytes());
        if !value.is_empty() {
            text.push(b'=');
            for part in percent_encoded(value) {
                text.extend_from_slice(part.as_bytes());
            }
        }
    }
    text.push(b'\n');
    let mut signed: Vec<(String, &[u8])> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii()))
        .filter(|(name, _)| takes_part(name))
        .collect();
    signed.sort();
    for (name, value) in &signed {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    text.push(b'\n');
    for (index, (name, _)) in signed.iter().enumerate() {
        if index > 0 {
            text.push(b';');
        }
        text.extend_from_slice(name.as_bytes());
    }
    text.push(b'\n');
    text.extend_from_slice(body_sha256.as_bytes());
    text
}

fn takes_part(name: &str) -> bool {
    name == "content-type"
        || name == "host"
        || ((name.starts_with("x-log-") || name.starts_with("x-acs-"))
            && !name.starts_with("x-log-meta-"))
}

/// Percent-encodes as signatures want it: only `A-Z a-z 0-9 - _ . ~` stay.
pub fn percent_encode(text: &str) -> String {
    percent_encoded(text).collect()
}

fn percent_encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(text, KEPT)
}

/// The text that the day's key signs.
pub fn string_to_sign(date_time: &str, scope: &str, canonical_request: &[u8]) -> String {
    let mut text = format!("{ALGORITHM}\n{date_time}\n{scope}\n");
    let hash = digest::digest(&digest::SHA256, canonical_request);
    push_hex(&mut text, hash.as_ref(), LOWER_HEX);
    text
}

/// What a key is good for: a day, a region, this service.
pub fn scope(date_time: &str, region: &str) -> String {
    format!("{}/{region}/sls/aliyun_v4_request", day(date_time))
}

/// The key for one day and region.
pub fn signing_key(access_key_secret: &str, date_time: &str, region: &str) -> [u8; 32] {
    let first = zeroize::Zeroizing::new(format!("aliyun_v4{access_key_secret}"));
    let mut key = hmac_sha256(first.as_bytes(), day(date_time).as_bytes());
    for part in [region, "sls", "aliyun_v4_request"] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    key
}

/// HMAC-SHA256 of the text, in lower-case hexadecimal.
pub fn signature(signing_key: &[u8], string_to_sign: &str) -> String {
    let mut text = String::with_capacity(64);
    push_hex(
        &mut text,
        &hmac_sha256(signing_key, string_to_sign.as_bytes()),
        LOWER_HEX,
    );
    text
}

/// The value of `x-log-content-sha256`, in lower-case hexadecimal.
pub fn content_sha256(body: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    let hash = digest::digest(&digest::SHA256, body);
    push_hex(&mut text, hash.as_ref(), LOWER_HEX);
    text
}

/// The value of `x-log-date`: `20231114T221320Z`.
///
/// # Errors
/// [`SignError::TimeOutOfRange`] before 1970 and after 9999.
pub fn date_time(time: SystemTime) -> Result<String, SignError> {
    let seconds = unix_seconds(time)?;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let mut text = String::with_capacity(16);
    write!(
        text,
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
    .expect("writing to a String cannot fail");
    Ok(text)
}

/// Year, month and day of the Gregorian calendar, counted from 1970-01-01.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    // Years that begin in March put the leap day last; an era is 400 of them.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = 400 * era + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

fn day(date_time: &str) -> &str {
    date_time.get(..8).unwrap_or(date_time)
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    let mut out = [0; 32];
    out.copy_from_slice(tag.as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_are_written_as_signed() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_868_799, "20000229T235959Z"),
            (1_700_000_000, "20231114T221320Z"),
            (4_107_542_400, "21000301T000000Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(
                date_time(UNIX_EPOCH + Duration::from_secs(seconds)),
                Ok(text.into())
            );
        }
    }

    #[test]
    fn a_clock_outside_four_digit_years_is_an_error() {
        for time in [
            UNIX_EPOCH - Duration::from_secs(1),
            UNIX_EPOCH + Duration::from_secs(253_402_300_800),
        ] {
            assert_eq!(date_time(time), Err(SignError::TimeOutOfRange));
        }
    }

    proptest! {
        #[test]
        fn both_date_formats_name_the_same_second(seconds in 0u64..253_402_300_800) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let http = httpdate::fmt_http_date(time);
            let own = date_time(time).unwrap();
            prop_assert_eq!(&own[0..4], &http[12..16]);
            prop_assert_eq!(&own[6..8], &http[5..7]);
            prop_assert_eq!(&own[9..11], &http[17..19]);
        }
    }
}
