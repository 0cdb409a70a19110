use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How long the server asks to be left alone, from the header `Retry-After`.
///
/// Both forms of RFC 9110, section 10.2.3, are read: a number of seconds, and a date, which is
/// compared with `now`.
/// A date that has passed asks for no wait; `None` means that there is no such header or that it
/// is neither form.
///
/// The result is what the server wants, however long that is; handed on as
/// [`Verdict::After`](crate::Verdict::After), it is honoured up to
/// [`RetryConfig::with_max_retry_after`](crate::RetryConfig::with_max_retry_after).
///
/// ```
/// use std::time::Duration;
/// use telemetry_delivery::{Clock, RetryConfig, RetryLayer, SystemClock, Verdict, retry_after};
///
/// let layer = RetryLayer::new(RetryConfig::default(), |outcome| match outcome {
///     Ok(answer) if answer.status() == 503 => {
///         match retry_after(answer.headers(), SystemClock.now()) {
///             Some(wait) => Verdict::After(wait),
///             None => Verdict::Again,
///         }
///     }
///     _ => Verdict::Done,
/// })?;
/// # Ok::<(), telemetry_delivery::ConfigError>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Only a number too large for u64 does not parse, and nobody outlives the largest.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn now() -> SystemTime {
        // 1994-11-06 08:49:37 UTC, the moment that RFC 9110 writes in three ways.
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn read(text: &[u8]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(text).unwrap());
        retry_after(&headers, now())
    }

    #[track_caller]
    fn check(text: &str, want_seconds: Option<u64>) {
        let want = want_seconds.map(Duration::from_secs);
        assert_eq!(read(text.as_bytes()), want, "{text:?}");
    }

    #[test]
    fn seconds_are_read() {
        check("120", Some(120));
        check(" 7 ", Some(7));
        check("0", Some(0));
        check("99999999999999999999999", Some(u64::MAX));
    }

    #[test]
    fn a_date_is_compared_with_now_in_each_of_its_three_forms() {
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sunday, 06-Nov-94 08:50:07 GMT", Some(30));
        check("Sun Nov  6 08:50:07 1994", Some(30));
    }

    #[test]
    fn a_date_that_has_passed_asks_for_no_wait() {
        check("Sun, 06 Nov 1994 08:49:07 GMT", Some(0));
    }

    #[test]
    fn anything_else_is_nothing() {
        for text in ["", "-1", "+1", "1.5", "1s", "soon", "Sun, 06 Nov 1994"] {
            check(text, None);
        }
        assert_eq!(read(b"\xff"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now()), None);
    }

    proptest! {
        #[test]
        fn seconds_come_back(seconds: u64) {
            check(&seconds.to_string(), Some(seconds));
        }

        #[test]
        fn dates_come_back(ahead in 0u64..100_000_000_000) {
            let date = httpdate::fmt_http_date(now() + Duration::from_secs(ahead));
            check(&date, Some(ahead));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*", like in "[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9:]{8} GMT") {
            for text in [text, like] {
                if let Ok(value) = HeaderValue::from_str(&text) {
                    let mut headers = HeaderMap::new();
                    headers.insert(RETRY_AFTER, value);
                    let _ = retry_after(&headers, now());
                }
            }
        }
    }
}
