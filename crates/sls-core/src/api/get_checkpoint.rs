use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{Checkpoint, ShardId};

/// Gives the checkpoints of a consumer group.
///
/// There is one for every shard of the logstore, also where nothing was saved yet. For one
/// shard it is a list of one, or an empty one when there is no such shard. Refused with
/// `ConsumerGroupNotExist` when there is no such group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCheckpoint {
    project: String,
    logstore: String,
    group: String,
    shard: Option<ShardId>,
}

impl GetCheckpoint {
    /// Asks for the checkpoints of all shards.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        group: impl Into<String>,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            group: group.into(),
            shard: None,
        }
    }

    /// Asks about one shard only.
    #[must_use]
    pub fn with_shard(mut self, shard: ShardId) -> Self {
        self.shard = Some(shard);
        self
    }
}

impl Sealed for GetCheckpoint {}

impl Operation for GetCheckpoint {
    type Reply = Vec<Checkpoint>;
    const NAME: &'static str = "GetCheckPoint";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} group {}", self.project, self.logstore, self.group)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!(
            "/logstores/{}/consumergroups/{}",
            Name(&self.logstore),
            Name(&self.group)
        );
        let request = ApiRequest::new(Method::GET, path);
        match self.shard {
            Some(shard) => request.with_query("shard", shard.to_string()),
            None => request,
        }
    }

    fn decode(&self, reply: &ApiReply) -> Result<Vec<Checkpoint>, InvalidReply> {
        reply.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok};

    #[test]
    fn a_checkpoint_without_its_shard_is_refused() {
        let get = GetCheckpoint::new("p", "l", "g");
        check_invalid(&get, &ok(r#"[{"checkpoint":"MQ=="}]"#));
        check_invalid(&get, &ok(r#"{"shard":0}"#));
        let found = get.read(&ok(r#"[{"shard":0,"updateTime":"7"}]"#)).unwrap();
        assert_eq!(found[0].update_time_us, 7);
    }
}
