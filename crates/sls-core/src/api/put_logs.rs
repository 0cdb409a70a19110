use bytes::Bytes;
use http::{HeaderValue, Method};

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::HashKey;
use crate::wire::{Compression, EncodedGroup, headers};

/// Writes one log group.
///
/// The service spreads groups over the shards, or routes this one with
/// [`with_hash_key`](Self::with_hash_key). The whole group lands in one shard, all or
/// nothing, and is pulled as one group.
///
/// A lost answer leaves it open whether the group was written; writing it again may store
/// it twice.
#[derive(Debug, Clone)]
pub struct PutLogs {
    project: String,
    logstore: String,
    body: PutBody,
    hash_key: Option<HashKey>,
}

impl PutLogs {
    /// Writes `body` to the shard of the service's choice.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>, body: PutBody) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            body,
            hash_key: None,
        }
    }

    /// Writes to the shard whose range holds this key.
    #[must_use]
    pub fn with_hash_key(mut self, key: HashKey) -> Self {
        self.hash_key = Some(key);
        self
    }
}

impl Sealed for PutLogs {}

impl Operation for PutLogs {
    type Reply = ();
    const NAME: &'static str = "PutLogs";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        let way = if self.hash_key.is_some() {
            "route"
        } else {
            "lb"
        };
        let path = format!("/logstores/{}/shards/{way}", Name(&self.logstore));
        let mut request = ApiRequest::new(Method::POST, path)
            .with_content_type(headers::PROTOBUF)
            .with_header(
                headers::BODY_RAW_SIZE,
                HeaderValue::from(self.body.raw_size),
            );
        if let Some(name) = self.body.compression.name() {
            request = request.with_header(headers::COMPRESS_TYPE, HeaderValue::from_static(name));
        }
        if let Some(key) = self.hash_key {
            request = request.with_query("key", key.to_string());
        }
        request.body = self.body.bytes.clone();
        request
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}

/// A log group ready to be sent: compressed once, shared by all attempts.
#[derive(Debug, Clone)]
pub struct PutBody {
    bytes: Bytes,
    raw_size: usize,
    compression: Compression,
}

impl PutBody {
    /// Compresses a finished log group.
    pub fn new(group: &EncodedGroup, compression: Compression) -> Self {
        Self::from_raw(group.as_bytes(), compression)
    }

    /// Compresses the protobuf bytes of a `LogGroup`.
    pub fn from_raw(raw: &[u8], compression: Compression) -> Self {
        Self {
            bytes: Bytes::from(compression.compress(raw)),
            raw_size: raw.len(),
            compression,
        }
    }

    /// The body as it is sent.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The size before compression, in bytes.
    pub fn raw_size(&self) -> usize {
        self.raw_size
    }
}
