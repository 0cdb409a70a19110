use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed, ShardList};
use crate::model::{HashKey, ShardId};

/// Splits a shard: it becomes read-only, and new shards take its range over.
///
/// The key must lie inside the range and not at its ends. The answer holds the shard that was
/// split and the new ones, left before right. Refused with `ShardNotExist` when there is no
/// such shard, and with `ParameterInvalid` when it takes no writes or the key is not inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitShard {
    project: String,
    logstore: String,
    shard: ShardId,
    key: HashKey,
    shard_count: Option<u32>,
}

impl SplitShard {
    /// Splits `shard` so that `key` begins the right part.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        shard: ShardId,
        key: HashKey,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            shard,
            key,
            shard_count: None,
        }
    }

    /// Splits into this many shards. Default: the service's, which is 2.
    #[must_use]
    pub fn with_shard_count(mut self, shards: u32) -> Self {
        self.shard_count = Some(shards);
        self
    }
}

impl Sealed for SplitShard {}

impl Operation for SplitShard {
    type Reply = ShardList;
    const NAME: &'static str = "SplitShard";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} shard {}", self.project, self.logstore, self.shard)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!("/logstores/{}/shards/{}", Name(&self.logstore), self.shard);
        let request = ApiRequest::new(Method::POST, path)
            .with_query("action", "split")
            .with_query("key", self.key.to_string());
        match self.shard_count {
            Some(shards) => request.with_query("shardCount", shards.to_string()),
            None => request,
        }
    }

    fn decode(&self, reply: &ApiReply) -> Result<ShardList, InvalidReply> {
        reply.json().map(ShardList)
    }
}
