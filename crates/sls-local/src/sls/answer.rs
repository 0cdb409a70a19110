//! What goes back to a client.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use sls_core::wire::{Compression, headers};

use crate::engine::Receipt;
use crate::fault::Effect;
use crate::refusal::Refusal;

/// An answer before the headers that all answers have.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether pages of other sites may not read it.
    pub(crate) private: bool,
    /// What has to be safe before the answer is true.
    pub(crate) receipt: Option<Receipt>,
}

impl Answer {
    /// Done, and there is nothing to say.
    pub(crate) fn empty() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            private: false,
            receipt: None,
        }
    }

    /// The same, once something is safe.
    pub(crate) fn once(mut self, receipt: Receipt) -> Self {
        self.receipt = Some(receipt);
        self
    }

    /// No, in the service's form.
    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "errorCode")]
            code: &'a str,
            #[serde(rename = "errorMessage")]
            message: &'a str,
        }

        // Two strings always are JSON.
        let mut answer = Self::json(&Body { code, message }).unwrap_or_else(|_| Self::empty());
        answer.status = status_code(status);
        answer
    }

    /// What a fault answers before anything is done; `None` when it does not stand in the
    /// way.
    pub(crate) fn scripted(fault: &Effect) -> Option<Self> {
        match fault {
            Effect::Refuse {
                status,
                code,
                message,
                retry_after_s,
            } => {
                let answer = Self::refusal(*status, code, message);
                Some(match retry_after_s {
                    Some(seconds) => answer.with(header::RETRY_AFTER, seconds),
                    None => answer,
                })
            }
            Effect::Redirect { location, status } => {
                let mut answer = Self::empty().with(header::LOCATION, location);
                answer.status = status_code(*status);
                Some(answer)
            }
            Effect::CutBefore => Some(Self::empty()),
            Effect::CutAfter
            | Effect::Delay { .. }
            | Effect::Drip { .. }
            | Effect::Quota { .. }
            | Effect::Clock { .. } => None,
        }
    }

    pub(crate) fn json(value: &impl Serialize) -> Result<Self, Refusal> {
        let body = serde_json::to_vec(value).map_err(|cause| {
            Refusal::internal(
                "InternalServerError",
                format!("answer is not JSON: {cause}"),
            )
        })?;
        Ok(Self {
            body: Bytes::from(body),
            ..Self::empty()
        }
        .with(header::CONTENT_TYPE, headers::JSON))
    }

    /// A body of log data, compressed and described; no bytes at all when there is none.
    pub(crate) fn compressed(raw: &[u8], compression: Compression, kind: &'static str) -> Self {
        let mut answer = Self::empty()
            .with(header::CONTENT_TYPE, kind)
            .with(headers::BODY_RAW_SIZE, raw.len());
        if let Some(name) = compression.name() {
            answer = answer.with(headers::COMPRESS_TYPE, name);
        }
        if !raw.is_empty() {
            answer.body = Bytes::from(compression.compress(raw));
        }
        answer
    }

    /// Adds a header; a value that no header may have is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: impl ToString) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// A number that is no status becomes 500.
pub(crate) fn status_code(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::refusal(refusal.status, refusal.code, &refusal.message)
    }
}
