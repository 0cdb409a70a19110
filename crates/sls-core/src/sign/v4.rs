//! Version 4: HMAC-SHA256 over a canonical request, with a key for one day and region.

use std::fmt;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use http::header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::{
    LOWER_HEX, SignError, SignableRequest, SignatureHeaders, SignedHeaders, Signer, Text, Values,
    header_value, hex, push_hex, secret_value, starts_with, unix_seconds, write_lower,
};
use crate::credentials::Credentials;
use crate::wire::headers;

/// The first word of `Authorization`.
pub const ALGORITHM: &str = "SLS4-HMAC-SHA256";

/// Signs with version 4 for one region.
///
/// Keeps the key of the day, which takes four times as long to make as a signature.
pub struct SignV4 {
    region: String,
    /// Held for a comparison and a copy.
    last: Mutex<Option<DayKey>>,
}

/// A key, and what it was made from.
struct DayKey {
    secret: Zeroizing<String>,
    /// `20231114`.
    day: [u8; 8],
    key: hmac::Key,
}

impl SignV4 {
    /// Signs for `region`, for instance `cn-hangzhou`; see
    /// [`Endpoint::region`](crate::Endpoint::region).
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            last: Mutex::new(None),
        }
    }

    /// The region that is signed for.
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl SignV4 {
    fn day_key(&self, secret: &str, date_time: &str) -> hmac::Key {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let day = day(date_time).as_bytes();
        if let Some(last) = &*last {
            if last.day == day && *last.secret == secret {
                return last.key.clone();
            }
        }
        let bytes = Zeroizing::new(signing_key(secret, date_time, &self.region));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*bytes);
        *last = day.try_into().ok().map(|day| DayKey {
            secret: Zeroizing::new(secret.to_owned()),
            day,
            key: key.clone(),
        });
        key
    }
}

impl fmt::Debug for SignV4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignV4")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Clone for SignV4 {
    fn clone(&self) -> Self {
        Self::new(&self.region)
    }
}

impl PartialEq for SignV4 {
    fn eq(&self, other: &Self) -> bool {
        self.region == other.region
    }
}

impl Eq for SignV4 {}

impl Signer for SignV4 {
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        credentials: &Credentials,
        time: SystemTime,
    ) -> Result<SignatureHeaders, SignError> {
        let stamp = Stamp::new(time)?;
        let date_time = stamp.as_str();
        let mut values = Values::new();
        let date = values.add(|text| text.extend_from_slice(date_time.as_bytes()));
        let hash = values.add(|text| push_hex(text, sha256(request.body).as_ref(), LOWER_HEX));
        let token = credentials.security_token();
        let token_range = values.add(|text| {
            text.extend_from_slice(token.unwrap_or_default().as_bytes());
        });

        let (date_name, hash_name, token_name) = (
            headers::LOG_DATE,
            headers::CONTENT_SHA256,
            headers::SECURITY_TOKEN,
        );
        let date_header = (date_name.as_str(), values.get(&date));
        let hash_header = (hash_name.as_str(), values.get(&hash));
        let found = request.headers;
        let signed = match token {
            Some(token) => {
                let token_header = (token_name.as_str(), token.as_bytes());
                SignedHeaders::new(found, &[date_header, hash_header, token_header], takes_part)
            }
            None => SignedHeaders::new(found, &[date_header, hash_header], takes_part),
        };
        let mut canonical = digest::Context::new(&digest::SHA256);
        write_canonical(&mut canonical, request, &signed, values.get(&hash));
        let key = self.day_key(credentials.access_key_secret(), date_time);
        let mut to_sign = hmac::Context::with_key(&key);
        write_to_sign(&mut to_sign, date_time, &self.region, &canonical.finish());
        let signature = to_sign.sign();
        let authorization = values.add(|text| {
            let id = credentials.access_key_id();
            write!(text, "{ALGORITHM} Credential={id}/").expect("writing to a Vec cannot fail");
            write_scope(text, date_time, &self.region);
            text.extend_from_slice(b",Signature=");
            push_hex(text, signature.as_ref(), LOWER_HEX);
        });

        let values = values.share();
        let mut added = Vec::with_capacity(4);
        if token.is_some() {
            let value = secret_value(values.slice(token_range))?;
            added.push((headers::SECURITY_TOKEN, value));
        }
        added.push((headers::LOG_DATE, header_value(values.slice(date))?));
        added.push((headers::CONTENT_SHA256, header_value(values.slice(hash))?));
        let authorization = secret_value(values.slice(authorization))?;
        added.push((header::AUTHORIZATION, authorization));
        Ok(added)
    }
}

/// The request in the one form that both sides can compute.
///
/// `Content-Type`, `Host`, `x-log-*` and `x-acs-*` take part, except `x-log-meta-*`. Their
/// list is not transmitted; a server applies the same rule to what it received.
pub fn canonical_request(request: &SignableRequest<'_>, body_sha256: &str) -> Vec<u8> {
    let signed = SignedHeaders::new(request.headers, &[], takes_part);
    let mut text = Vec::with_capacity(1024);
    write_canonical(&mut text, request, &signed, body_sha256.as_bytes());
    text
}

fn write_canonical(
    text: &mut impl Text,
    request: &SignableRequest<'_>,
    signed: &SignedHeaders<'_>,
    body_sha256: &[u8],
) {
    text.write(request.method.as_bytes());
    text.write(b"\n");
    text.write(request.path.as_bytes());
    text.write(b"\n");
    for (index, (key, value)) in request.sorted_query().into_iter().enumerate() {
        if index > 0 {
            text.write(b"&");
        }
        // Keys are not percent-encoded, and an empty value takes its `=` with it.
        text.write(key.as_bytes());
        if !value.is_empty() {
            text.write(b"=");
            for part in percent_encoded(value) {
                text.write(part.as_bytes());
            }
        }
    }
    text.write(b"\n");
    signed.write_lines(text);
    text.write(b"\n");
    for (index, (name, _)) in signed.0.iter().enumerate() {
        if index > 0 {
            text.write(b";");
        }
        write_lower(text, name);
    }
    text.write(b"\n");
    text.write(body_sha256);
}

fn takes_part(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-type")
        || name.eq_ignore_ascii_case("host")
        || ((starts_with(name, "x-log-") || starts_with(name, "x-acs-"))
            && !starts_with(name, "x-log-meta-"))
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
    let hash = content_sha256(canonical_request);
    format!("{ALGORITHM}\n{date_time}\n{scope}\n{hash}")
}

fn write_to_sign(text: &mut impl Text, date_time: &str, region: &str, hash: &digest::Digest) {
    for line in [ALGORITHM, date_time] {
        text.write(line.as_bytes());
        text.write(b"\n");
    }
    write_scope(text, date_time, region);
    text.write(b"\n");
    let mut digits = [0; 64];
    for (digits, byte) in digits.chunks_exact_mut(2).zip(hash.as_ref()) {
        digits[0] = LOWER_HEX[usize::from(byte >> 4)];
        digits[1] = LOWER_HEX[usize::from(byte & 15)];
    }
    text.write(&digits);
}

/// What a key is good for: a day, a region, this service.
pub fn scope(date_time: &str, region: &str) -> String {
    format!("{}/{region}/{SERVICE}/{TERMINATOR}", day(date_time))
}

fn write_scope(text: &mut impl Text, date_time: &str, region: &str) {
    text.write(day(date_time).as_bytes());
    for part in [region, SERVICE, TERMINATOR] {
        text.write(b"/");
        text.write(part.as_bytes());
    }
}

const SERVICE: &str = "sls";
const TERMINATOR: &str = "aliyun_v4_request";

/// The key for one day and region.
pub fn signing_key(access_key_secret: &str, date_time: &str, region: &str) -> [u8; 32] {
    let first = Zeroizing::new(format!("aliyun_v4{access_key_secret}"));
    let mut key = hmac_sha256(first.as_bytes(), day(date_time).as_bytes());
    for part in [region, SERVICE, TERMINATOR] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    key
}

/// HMAC-SHA256 of the text, in lower-case hexadecimal.
pub fn signature(signing_key: &[u8], string_to_sign: &str) -> String {
    hex(
        &hmac_sha256(signing_key, string_to_sign.as_bytes()),
        LOWER_HEX,
    )
}

/// The value of `x-log-content-sha256`, in lower-case hexadecimal.
pub fn content_sha256(body: &[u8]) -> String {
    hex(sha256(body).as_ref(), LOWER_HEX)
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// The value of `x-log-date`: `20231114T221320Z`.
///
/// # Errors
/// [`SignError::TimeOutOfRange`] before 1970 and after 9999.
pub fn date_time(time: SystemTime) -> Result<String, SignError> {
    Stamp::new(time).map(|stamp| stamp.as_str().to_owned())
}

/// The text of a time, in place.
struct Stamp([u8; 16]);

impl Stamp {
    fn new(time: SystemTime) -> Result<Self, SignError> {
        let seconds = unix_seconds(time)?;
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"yyyymmddThhmmssZ";
        for (at, number) in [
            (0, year / 100),
            (2, year % 100),
            (4, month),
            (6, day),
            (9, of_day / 3600),
            (11, of_day / 60 % 60),
            (13, of_day % 60),
        ] {
            text[at] = b'0' + (number / 10) as u8;
            text[at + 1] = b'0' + (number % 10) as u8;
        }
        Ok(Self(text))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and letters")
    }
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

    #[test]
    fn the_kept_key_is_for_one_secret_and_one_day() {
        let kept = SignV4::new("cn-hangzhou");
        let request = SignableRequest {
            method: "GET",
            path: "/logstores",
            query: &[],
            headers: &[],
            body: b"",
        };
        for (secret, seconds) in [("a", 0), ("a", 1), ("b", 1), ("b", 86_400), ("a", 86_400)] {
            let credentials = Credentials::new("id", secret);
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let fresh = SignV4::new("cn-hangzhou");
            assert_eq!(
                kept.sign(&request, &credentials, time),
                fresh.sign(&request, &credentials, time),
                "{secret} {seconds}"
            );
        }
        assert!(!format!("{kept:?}").contains("secret"));
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
