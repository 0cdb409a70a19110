use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed, ShardList};
use crate::model::ShardId;

/// Merges a shard with its right neighbour: both become read-only, and a new one takes over.
///
/// The answer holds the new shard and then the two that were merged, left before right.
/// Refused with `ShardNotExist` when there is no such shard, and with `ParameterInvalid` when
/// it is the last one or one of the two takes no writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeShards {
    project: String,
    logstore: String,
    shard: ShardId,
}

impl MergeShards {
    /// Merges `shard` with the shard whose range follows.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>, shard: ShardId) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            shard,
        }
    }
}

impl Sealed for MergeShards {}

impl Operation for MergeShards {
    type Reply = ShardList;
    const NAME: &'static str = "MergeShards";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} shard {}", self.project, self.logstore, self.shard)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!("/logstores/{}/shards/{}", Name(&self.logstore), self.shard);
        ApiRequest::new(Method::POST, path).with_query("action", "merge")
    }

    fn decode(&self, reply: &ApiReply) -> Result<ShardList, InvalidReply> {
        reply.json().map(ShardList)
    }
}
