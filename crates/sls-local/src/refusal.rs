//! How the service says no.

/// A request that is answered with an error: HTTP status, the service's code, a reason.
///
/// The codes are those of the service's manual; which status goes with which code is
/// decided by the constructor that is used, one per status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message} (http {status})")]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// 400: the request is wrong and stays wrong.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// 400 `ParameterInvalid`: by far the most frequent of them.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::bad("ParameterInvalid", message)
    }

    /// 401: it is not clear who is asking.
    pub(crate) fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(401, code, message)
    }

    /// 403: not now.
    pub(crate) fn quota(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, code, message)
    }

    /// 404: what the request is about does not exist.
    pub(crate) fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    /// 405: no operation has this path and method.
    pub(crate) fn method(path: &str) -> Self {
        Self::new(
            405,
            "InvalidMethod",
            format!("invalid request method : {path}"),
        )
    }

    /// 411: a body of unknown length.
    pub(crate) fn without_length() -> Self {
        Self::new(
            411,
            "MissingContentLength",
            "Content-Length does not exist in http header when it is needed",
        )
    }

    /// 415: a body of the wrong kind.
    pub(crate) fn content_type(message: impl Into<String>) -> Self {
        Self::new(415, "InvalidContentType", message)
    }

    /// 500: this side failed.
    pub(crate) fn internal(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(500, code, message)
    }

    /// 503: this side cannot just now.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(503, "ServerBusy", message)
    }
}
