use std::error::Error as _;
use std::sync::Arc;

use sls_core::{Error, ErrorCode, RetryClass};
use telemetry_delivery::batch::Delivery;

/// What an error means for the logs that it is about.
///
/// Only what the service says about the logs or their place is for good. A request that did not
/// get there, or could not be signed, says nothing about them, and may work once a certificate, a
/// proxy or a source of credentials is put right.
pub(super) fn delivery_after(error: &Error) -> Delivery {
    let cause = text(error);
    match error {
        Error::Service { code, status, .. } => {
            if *code == ErrorCode::PostBodyTooLarge || *status == 413 {
                return Delivery::TooLarge;
            }
            match error.retry_class() {
                RetryClass::Quota => Delivery::throttled(cause),
                RetryClass::Never => Delivery::refused(cause),
                _ => Delivery::again(cause),
            }
        }
        Error::InvalidRequest { .. } => Delivery::refused(cause),
        _ => match error.status() {
            Some(413) => Delivery::TooLarge,
            Some(429) => Delivery::throttled(cause),
            _ => Delivery::again(cause),
        },
    }
}

/// The error with its causes, on one line.
fn text(error: &Error) -> Arc<str> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use sls_core::{Call, RequestId};

    use super::*;

    fn refusal(status: u16, code: &str) -> Error {
        Error::Service {
            call: Call::new("PutLogs", "shop/orders"),
            code: ErrorCode::parse(code),
            status,
            request_id: RequestId::new("1"),
            message: "no".to_owned(),
        }
    }

    #[track_caller]
    fn check(error: &Error, want: &str) {
        let name = match delivery_after(error) {
            Delivery::Again { .. } => "again",
            Delivery::Throttled { .. } => "throttled",
            Delivery::TooLarge => "too large",
            Delivery::Refused { .. } => "refused",
            other => panic!("{other:?}"),
        };
        assert_eq!(name, want, "{error}");
    }

    #[test]
    fn every_kind_of_refusal_has_its_consequence() {
        for (status, code, want) in [
            (400, "PostBodyInvalid", "refused"),
            (400, "PostBodyTooLarge", "too large"),
            (413, "Whatever", "too large"),
            (403, "WriteQuotaExceed", "throttled"),
            (403, "ShardWriteQuotaExceed", "throttled"),
            (403, "ProjectForbidden", "refused"),
            (404, "LogStoreNotExist", "refused"),
            (404, "ProjectNotExist", "refused"),
            (401, "SignatureNotMatch", "refused"),
            (401, "Unauthorized", "again"),
            (400, "RequestTimeExpired", "again"),
            (500, "InternalServerError", "again"),
            (503, "ServerBusy", "again"),
            (429, "SomethingNew", "throttled"),
            (418, "SomethingNew", "refused"),
        ] {
            check(&refusal(status, code), want);
        }
    }

    #[test]
    fn what_did_not_get_there_is_tried_again() {
        let call = || Call::new("PutLogs", "shop/orders");
        for transient in [true, false] {
            let error = Error::NoAnswer {
                call: call(),
                may_have_acted: false,
                transient,
                cause: "unknown certificate".into(),
            };
            check(&error, "again");
        }
        let unsigned = Error::NotSigned {
            call: call(),
            cause: "the metadata server is down".into(),
        };
        check(&unsigned, "again");
        let Delivery::Again { cause, .. } = delivery_after(&unsigned) else {
            panic!("not again");
        };
        assert!(cause.ends_with(": the metadata server is down"), "{cause}");
    }

    #[test]
    fn a_request_that_cannot_be_made_is_not_tried_again() {
        let error = Error::InvalidRequest {
            call: Call::new("PutLogs", "shop/orders"),
            reason: "no such name".to_owned(),
        };
        check(&error, "refused");
    }

    #[test]
    fn the_page_of_a_gateway_is_judged_by_its_status() {
        for (status, want) in [
            (200, "again"),
            (404, "again"),
            (413, "too large"),
            (502, "again"),
        ] {
            let error = Error::BadAnswer {
                call: Call::new("PutLogs", "shop/orders"),
                status,
                request_id: RequestId::default(),
                reason: "a page".to_owned(),
                cause: None,
            };
            check(&error, want);
        }
    }
}
