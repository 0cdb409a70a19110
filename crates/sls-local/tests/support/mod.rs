//! What the tests share: a service whose clock stands still, and signed requests to it.

#![allow(dead_code, reason = "every test program uses another part of it")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use percent_encoding::{CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use sls_core::Credentials;
use sls_core::model::LogstoreConfig;
use sls_core::sign::{SignV1, SignableRequest, Signer};
use sls_local::{LocalServer, LocalServerBuilder, LocalService};
use telemetry_delivery::ManualClock;

pub(crate) const PROJECT: &str = "golden-project";
pub(crate) const LOGSTORE: &str = "golden-store";
pub(crate) const HOST: &str = "golden-project.cn-hangzhou.log.aliyuncs.com";

/// 2023-11-14T22:13:20Z, when the vectors were recorded.
pub(crate) fn recorded_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

pub(crate) fn key() -> Credentials {
    Credentials::new("testAccessKeyId", "testAccessKeySecret")
}

/// The keys of the vectors.
pub(crate) fn builder(clock: &ManualClock) -> LocalServerBuilder {
    LocalServer::builder()
        .clock(clock.clone())
        .access_key(key())
        .access_key(key().with_security_token("CAIStestSecurityToken/+=="))
        .access_key(Credentials::new("STS.newId", "newSecret").with_security_token("newToken"))
}

pub(crate) async fn with_logstore(builder: LocalServerBuilder, shards: u32) -> LocalService {
    let service = builder.into_service();
    service.create_project(PROJECT).await.unwrap();
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(shards);
    service.create_logstore(PROJECT, config).await.unwrap();
    service
}

/// A service of the recorded time with the logstore of the vectors.
pub(crate) async fn service(shards: u32) -> (LocalService, ManualClock) {
    let clock = ManualClock::new(recorded_at());
    let service = with_logstore(builder(&clock), shards).await;
    (service, clock)
}

/// A request before it is signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: vec![
                ("host", HOST.to_owned()),
                ("x-log-apiversion", "0.6.0".to_owned()),
                ("x-log-bodyrawsize", "0".to_owned()),
            ],
            body: Vec::new(),
        }
    }

    pub(crate) fn query(mut self, key: &'static str, value: impl ToString) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    /// Sets a header, or takes it away.
    pub(crate) fn header<'a>(
        mut self,
        name: &'static str,
        value: impl Into<Option<&'a str>>,
    ) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        if let Some(value) = value.into() {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let size = self.body.len().to_string();
        self.header("content-type", kind)
            .header("x-log-bodyrawsize", size.as_str())
    }

    pub(crate) fn json(self, body: serde_json::Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn target(&self) -> String {
        // What is percent-encoded already stays as it is.
        let mut target = utf8_percent_encode(&self.path, CONTROLS).to_string();
        for (index, (key, value)) in self.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(key);
            target.push('=');
            target.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        target
    }

    pub(crate) fn unsigned(&self) -> Request<Bytes> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.target())
            .body(Bytes::from(self.body.clone()))
            .unwrap();
        for (name, value) in &self.headers {
            let name = HeaderName::from_static(name);
            request
                .headers_mut()
                .append(name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    pub(crate) fn signed_with(
        &self,
        signer: &dyn Signer,
        key: &Credentials,
        time: SystemTime,
    ) -> Request<Bytes> {
        let query: Vec<_> = self
            .query
            .iter()
            .map(|(key, value)| (Cow::Borrowed(*key), Cow::Borrowed(value.as_str())))
            .collect();
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let signable = SignableRequest {
            method: self.method,
            path: &self.path,
            query: &query,
            headers: &headers,
            body: &self.body,
        };
        let added = signer.sign(&signable, key, time).unwrap();
        let mut request = self.unsigned();
        for (name, value) in added {
            request.headers_mut().insert(name, value);
        }
        request
    }

    pub(crate) fn signed(&self) -> Request<Bytes> {
        self.signed_with(&SignV1, &key(), recorded_at())
    }

    pub(crate) async fn send(&self, service: &LocalService) -> Answer {
        send(service, self.signed()).await
    }
}

pub(crate) async fn send(service: &LocalService, request: Request<Bytes>) -> Answer {
    Answer::from(service.handle(request).await)
}

/// An answer, as far as tests look at it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let answer = Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        };
        let id = answer.header("x-log-requestid");
        assert_eq!(id.len(), 24, "every answer has a request id");
        answer
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The error code; empty for a success.
    pub(crate) fn code(&self) -> String {
        if self.status == 200 {
            return String::new();
        }
        let body = self.json();
        assert_ne!(body["errorMessage"], "", "a refusal has a reason");
        body["errorCode"].as_str().unwrap().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["errorMessage"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{self:?}"
        );
        self
    }

    #[track_caller]
    pub(crate) fn expect_ok(self) -> Self {
        self.expect(200, "")
    }
}
