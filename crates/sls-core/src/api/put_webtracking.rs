use bytes::Bytes;
use http::{HeaderValue, Method};
use serde::{Serialize, Serializer};

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::wire::{Compression, headers};

/// Writes logs without credentials, as a page in a browser does.
///
/// The request is not signed, so anybody can send it: the logstore has to allow web
/// tracking, with [`enable_tracking`](crate::model::LogstoreConfig::enable_tracking). The
/// time of a log is the time of its arrival. Refused with `PostBodyInvalid` when the logs
/// cannot be read.
///
/// ```
/// use sls_core::api::{Operation, PutWebtracking, WebLog};
///
/// let log = WebLog::new().with("event", "click").with("button", "buy");
/// let put = PutWebtracking::new("shop", "clicks", vec![log]).with_topic("web");
/// assert_eq!(put.encode().path, "/logstores/clicks/track");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutWebtracking {
    project: String,
    logstore: String,
    logs: Vec<WebLog>,
    topic: String,
    source: String,
    tags: WebLog,
    compression: Compression,
}

impl PutWebtracking {
    /// Writes these logs.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>, logs: Vec<WebLog>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            logs,
            topic: String::new(),
            source: String::new(),
            tags: WebLog::new(),
            compression: Compression::None,
        }
    }

    /// Sets the topic of all logs. Default: empty.
    #[must_use]
    pub fn with_topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Sets the source of all logs. Default: empty.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Adds a tag to all logs.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags = self.tags.with(key, value);
        self
    }

    /// How the body is compressed: LZ4, deflate or not at all. Default: not at all.
    ///
    /// This path takes no zstd; a body that asks for it is sent as LZ4.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = match compression {
            #[cfg(feature = "zstd")]
            Compression::Zstd => Compression::Lz4,
            other => other,
        };
        self
    }
}

impl Sealed for PutWebtracking {}

impl Operation for PutWebtracking {
    type Reply = ();
    const NAME: &'static str = "PutWebtracking";
    const SIGNED: bool = false;

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "__topic__")]
            topic: &'a str,
            #[serde(rename = "__source__")]
            source: &'a str,
            #[serde(rename = "__logs__")]
            logs: &'a [WebLog],
            #[serde(rename = "__tags__", skip_serializing_if = "WebLog::is_empty")]
            tags: &'a WebLog,
        }
        let raw = serde_json::to_vec(&Body {
            topic: &self.topic,
            source: &self.source,
            logs: &self.logs,
            tags: &self.tags,
        })
        .expect("text and lists of text have no failing member");
        let mut request = ApiRequest::new(
            Method::POST,
            format!("/logstores/{}/track", Name(&self.logstore)),
        )
        .with_content_type(headers::JSON)
        .with_header(headers::BODY_RAW_SIZE, HeaderValue::from(raw.len()));
        if let Some(name) = self.compression.name() {
            request = request.with_header(headers::COMPRESS_TYPE, HeaderValue::from_static(name));
        }
        request.body = match self.compression {
            Compression::None => Bytes::from(raw),
            compression => Bytes::from(compression.compress(&raw)),
        };
        request
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}

/// One log of web tracking: fields in order, text only, without a time of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebLog(Vec<(String, String)>);

impl WebLog {
    /// A log without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field, or replaces its value.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(found, _)| *found == key) {
            Some(field) => field.1 = value,
            None => self.0.push((key, value)),
        }
        self
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for WebLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put() -> PutWebtracking {
        let log = WebLog::new().with("b", "1").with("a", "2").with("b", "3");
        PutWebtracking::new("p", "l", vec![log]).with_source("s")
    }

    #[test]
    fn fields_keep_their_order_and_the_last_value_of_a_name_counts() {
        assert_eq!(
            put().encode().body,
            r#"{"__topic__":"","__source__":"s","__logs__":[{"b":"3","a":"2"}]}"#
        );
        let body = put().with_tag("k", "v").encode().body;
        assert!(body.ends_with(br#""__tags__":{"k":"v"}}"#));
    }

    #[test]
    fn a_compressed_body_tells_its_size_and_undoes_into_the_plain_one() {
        let plain = put().encode().body;
        let request = put().with_compression(Compression::Lz4).encode();
        assert_eq!(request.headers[headers::COMPRESS_TYPE], "lz4");
        assert_eq!(
            request.headers[headers::BODY_RAW_SIZE],
            plain.len().to_string()
        );
        let undone = Compression::Lz4.decompress(&request.body, plain.len(), 1 << 20);
        assert_eq!(undone.unwrap(), plain);
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_is_not_for_this_path() {
        let request = put().with_compression(Compression::Zstd).encode();
        assert_eq!(request.headers[headers::COMPRESS_TYPE], "lz4");
    }
}
