use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::ShardId;

/// Deletes a read-only shard with what is left in it.
///
/// Read-only shards disappear by themselves once their logs expire; only old logstores need
/// this. Refused with `ShardNotExist` when there is no such shard, and with
/// `ParameterInvalid` when it still takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteShard {
    project: String,
    logstore: String,
    shard: ShardId,
}

impl DeleteShard {
    /// Deletes a shard that takes no writes.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>, shard: ShardId) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            shard,
        }
    }
}

impl Sealed for DeleteShard {}

impl Operation for DeleteShard {
    type Reply = ();
    const NAME: &'static str = "DeleteShard";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} shard {}", self.project, self.logstore, self.shard)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!("/logstores/{}/shards/{}", Name(&self.logstore), self.shard);
        ApiRequest::new(Method::DELETE, path)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}
