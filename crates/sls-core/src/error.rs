//! Why a call did not succeed, and whether another try can.

use std::fmt;

use crate::code::{ErrorCode, RetryClass};
use crate::one_line::OneLine;

/// A cause whose type belongs to another crate.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call to the log service did not succeed.
///
/// `Display` names the operation and what it was about; the cause, where there is one, is
/// in [`source`](std::error::Error::source) and not repeated. It is one line whatever the
/// other side wrote, and of that no more than 400 characters at a time; the fields have all of
/// it. No variant holds a body, a key or a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service answered, and the answer was a refusal.
    #[error(
        "{call} refused: {}: {} (http {status}, request {})",
        OneLine(code),
        OneLine(message),
        OneLine(request_id)
    )]
    Service {
        /// What was asked.
        call: Call,
        /// The service's own code.
        code: ErrorCode,
        /// The HTTP status.
        status: u16,
        /// Identifies the call to the service's support staff.
        request_id: RequestId,
        /// The service's explanation.
        message: String,
    },
    /// The service answered with something that is not an answer to this call.
    #[error(
        "{call} answered with nonsense: {} (http {status}, request {})",
        OneLine(reason),
        OneLine(request_id)
    )]
    BadAnswer {
        /// What was asked.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// Identifies the call to the service's support staff.
        request_id: RequestId,
        /// What is wrong with the answer.
        reason: String,
        /// The decoder's error, if one found it.
        #[source]
        cause: Option<BoxError>,
    },
    /// No complete answer arrived.
    #[error("{call} got no answer{}", if *.may_have_acted { "; the service may have acted all the same" } else { "" })]
    NoAnswer {
        /// What was asked.
        call: Call,
        /// Whether the request may have reached the service.
        may_have_acted: bool,
        /// Whether another try may get through; not so where, say, a certificate is not
        /// trusted.
        transient: bool,
        /// What happened on the way.
        #[source]
        cause: BoxError,
    },
    /// The request cannot be sent as it is; nothing was sent.
    #[error("{call} not sent: {reason}")]
    InvalidRequest {
        /// What was asked.
        call: Call,
        /// What is wrong with it.
        reason: String,
    },
    /// The request could not be signed, for want of credentials or of a usable clock;
    /// nothing was sent.
    #[error("{call} not sent, since it could not be signed")]
    NotSigned {
        /// What was asked.
        call: Call,
        /// Why not.
        #[source]
        cause: BoxError,
    },
}

impl Error {
    /// What was asked.
    pub fn call(&self) -> &Call {
        match self {
            Self::Service { call, .. }
            | Self::BadAnswer { call, .. }
            | Self::NoAnswer { call, .. }
            | Self::InvalidRequest { call, .. }
            | Self::NotSigned { call, .. } => call,
        }
    }

    /// The service's code, when it refused.
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Service { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The HTTP status, when an answer arrived.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Service { status, .. } | Self::BadAnswer { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The service's name for the call, when an answer arrived.
    pub fn request_id(&self) -> Option<&RequestId> {
        match self {
            Self::Service { request_id, .. } | Self::BadAnswer { request_id, .. } => {
                Some(request_id)
            }
            _ => None,
        }
    }

    /// Whether the service may have performed the call, or may do so yet.
    ///
    /// Not so after a plain refusal, or when nothing was sent. But a status of 500, 502 or 504 may
    /// come from something on the way that has passed the request on, or from a service that has
    /// not said its last word, and so may an answer that is none.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Service { code, status, .. } => {
                let is_open = matches!(
                    code,
                    ErrorCode::InternalServerError | ErrorCode::RequestTimeout
                );
                is_open || matches!(status, 500 | 502 | 504)
            }
            Self::BadAnswer { .. } => true,
            Self::NoAnswer { may_have_acted, .. } => *may_have_acted,
            Self::InvalidRequest { .. } | Self::NotSigned { .. } => false,
        }
    }

    /// What another try of the same request can do.
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::Service { code, status, .. } => RetryClass::of_refusal(code, *status),
            Self::BadAnswer { status, .. } => RetryClass::of_status(*status),
            Self::NoAnswer { transient, .. } if *transient => RetryClass::Backoff,
            Self::NoAnswer { .. } => RetryClass::Never,
            Self::InvalidRequest { .. } | Self::NotSigned { .. } => RetryClass::Never,
        }
    }

    /// Whether sending the same request again can succeed without any change by the caller.
    pub fn is_retryable(&self) -> bool {
        self.retry_class() != RetryClass::Never
    }
}

/// An operation and what it was about: `PullLogs shop/access-log shard 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    operation: &'static str,
    resource: String,
}

impl Call {
    /// Names an operation and the path of names it is about, slashes between.
    pub fn new(operation: &'static str, resource: impl Into<String>) -> Self {
        Self {
            operation,
            resource: resource.into(),
        }
    }

    /// The operation, as the service's manual spells it.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Project, logstore and shard, as far as the operation is about one.
    pub fn resource(&self) -> &str {
        &self.resource
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.resource)
    }
}

/// The service's name for one call, 24 hexadecimal digits; empty when an answer had none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// Wraps the text of the header `x-log-requestid`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, empty when the answer had none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "unknown"
        } else {
            &self.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Error {
        Error::Service {
            call: Call::new("PutLogs", "shop/orders"),
            code: ErrorCode::parse(code),
            status,
            request_id: RequestId::default(),
            message: String::new(),
        }
    }

    #[test]
    fn a_plain_refusal_is_the_last_word_and_a_failure_is_not() {
        for (status, code, want) in [
            (400, "ParameterInvalid", false),
            (403, "WriteQuotaExceed", false),
            (404, "ConsumerNotExist", false),
            (503, "ServerBusy", false),
            (500, "InternalServerError", true),
            (503, "InternalServerError", true),
            (408, "RequestTimeout", true),
            (500, "SomethingNew", true),
            (502, "BadGateway", true),
            (504, "GatewayTimeout", true),
        ] {
            assert_eq!(
                refusal(status, code).may_have_acted(),
                want,
                "{status} {code}"
            );
        }
    }

    #[test]
    fn without_a_word_of_the_service_it_counts_whether_the_request_was_sent() {
        let no_answer = |may_have_acted| Error::NoAnswer {
            call: Call::new("PutLogs", "shop/orders"),
            may_have_acted,
            transient: true,
            cause: "lost".into(),
        };
        assert!(no_answer(true).may_have_acted());
        assert!(!no_answer(false).may_have_acted());
        let not_sent = Error::InvalidRequest {
            call: Call::new("PutLogs", "shop/orders"),
            reason: String::new(),
        };
        assert!(!not_sent.may_have_acted());
        let page = Error::BadAnswer {
            call: Call::new("PutLogs", "shop/orders"),
            status: 503,
            request_id: RequestId::default(),
            reason: "a page".to_owned(),
            cause: None,
        };
        assert!(page.may_have_acted());
    }
}
