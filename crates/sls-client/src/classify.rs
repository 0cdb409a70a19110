use std::time::Duration;

use http::{Response, StatusCode};
use sls_core::api::ApiReply;
use sls_core::{Call, RetryClass};
use telemetry_delivery::{Clock, Outcome, Verdict, retry_after};

use crate::sign_layer::SignAgain;

/// How long to leave a quota alone that was used up: it is counted by the second.
const QUOTA_PAUSE: Duration = Duration::from_secs(1);

/// Whether another attempt may help, from what the last one brought.
///
/// The clock is for a `Retry-After` that names a date.
pub(crate) fn classify(outcome: Outcome<'_>, clock: &dyn Clock) -> Verdict {
    match outcome {
        Ok(response) if response.status() == StatusCode::OK => Verdict::Done,
        Ok(response) if response.extensions().get::<SignAgain>().is_some() => {
            Verdict::After(Duration::ZERO)
        }
        Ok(response) => {
            // A wait of nothing is a date that has passed: then our own backoff holds.
            let wait = || {
                let wait = retry_after(response.headers(), clock.now());
                wait.filter(|wait| !wait.is_zero())
            };
            match refusal_class(response) {
                RetryClass::Backoff => wait().map_or(Verdict::Again, Verdict::NotBefore),
                RetryClass::Quota => Verdict::NotBefore(wait().unwrap_or(QUOTA_PAUSE)),
                // The time and the key would be the same at the next attempt.
                RetryClass::ClockSkew | RetryClass::Credentials | RetryClass::Never => {
                    Verdict::Done
                }
            }
        }
        Err(error) if error.is_transient() => Verdict::Again,
        Err(_) => Verdict::Done,
    }
}

/// What a refusal lets another attempt hope for.
pub(crate) fn refusal_class(response: &Response<bytes::Bytes>) -> RetryClass {
    let reply = ApiReply {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.body().clone(),
    };
    reply.refusal(Call::new("", "")).retry_class()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::header::RETRY_AFTER;
    use std::time::UNIX_EPOCH;
    use telemetry_delivery::{ManualClock, TransportError, TransportErrorKind};

    fn judge(outcome: Outcome<'_>) -> Verdict {
        classify(outcome, &ManualClock::new(UNIX_EPOCH))
    }

    fn refusal(status: u16, code: &str) -> Response<Bytes> {
        let body = format!(r#"{{"errorCode":"{code}","errorMessage":""}}"#);
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }

    #[test]
    fn a_refusal_is_judged_by_its_code() {
        for (status, code, want) in [
            (400, "ParameterInvalid", Verdict::Done),
            (401, "SignatureNotMatch", Verdict::Done),
            (403, "ProjectForbidden", Verdict::Done),
            (
                403,
                "ShardWriteQuotaExceed",
                Verdict::NotBefore(QUOTA_PAUSE),
            ),
            (404, "LogStoreNotExist", Verdict::Done),
            (418, "Teapot", Verdict::Done),
            (500, "InternalServerError", Verdict::Again),
            (500, "RequestTimeout", Verdict::Again),
            (503, "ServerBusy", Verdict::Again),
        ] {
            assert_eq!(judge(Ok(&refusal(status, code))), want, "{status} {code}");
        }
    }

    #[test]
    fn a_gateways_page_is_judged_by_its_status() {
        for (status, want) in [
            (400, Verdict::Done),
            (408, Verdict::Again),
            (429, Verdict::NotBefore(QUOTA_PAUSE)),
            (502, Verdict::Again),
            (504, Verdict::Again),
        ] {
            let mut response = Response::new(Bytes::from_static(b"<html>"));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            assert_eq!(judge(Ok(&response)), want, "{status}");
        }
    }

    #[test]
    fn the_server_may_name_the_wait() {
        let mut response = refusal(503, "ServerBusy");
        response.headers_mut().insert(RETRY_AFTER, 7.into());
        let want = Verdict::NotBefore(Duration::from_secs(7));
        assert_eq!(judge(Ok(&response)), want);
        let date = "Thu, 01 Jan 1970 00:00:07 GMT".parse().unwrap();
        response.headers_mut().insert(RETRY_AFTER, date);
        assert_eq!(judge(Ok(&response)), want);
    }

    #[test]
    fn a_connection_that_failed_is_worth_another_try_and_a_bad_request_is_not() {
        let error = |kind| TransportError::new(kind, "test");
        let connect = error(TransportErrorKind::Connect);
        assert_eq!(judge(Err(&connect)), Verdict::Again);
        let invalid = error(TransportErrorKind::InvalidRequest);
        assert_eq!(judge(Err(&invalid)), Verdict::Done);
    }
}
