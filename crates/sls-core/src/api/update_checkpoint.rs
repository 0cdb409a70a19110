use http::Method;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{ConsumerName, Cursor, ShardId};

/// Saves where a consumer group has got to in one shard.
///
/// Forced, it is saved whoever holds the shard. Not forced, it is refused with
/// `ConsumerNotExist` or `ConsumerNotMatch` unless the named consumer holds the shard, which
/// is how a consumer learns that it lost one. Refused with `InvalidShardCheckPoint` when the
/// cursor is not Base64, and with `ShardNotExist` when there is no such shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateCheckpoint {
    project: String,
    logstore: String,
    group: String,
    shard: ShardId,
    cursor: Cursor,
    consumer: Option<ConsumerName>,
    force: bool,
}

impl UpdateCheckpoint {
    /// Saves `cursor`, whoever holds the shard.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        group: impl Into<String>,
        shard: ShardId,
        cursor: Cursor,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            group: group.into(),
            shard,
            cursor,
            consumer: None,
            force: true,
        }
    }

    /// Names the consumer that saves. Default: nobody.
    #[must_use]
    pub fn with_consumer(mut self, consumer: ConsumerName) -> Self {
        self.consumer = Some(consumer);
        self
    }

    /// Whether to save even if the consumer does not hold the shard. Default: yes.
    ///
    /// Without a consumer the service accepts nothing else.
    #[must_use]
    pub fn with_force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }
}

impl Sealed for UpdateCheckpoint {}

impl Operation for UpdateCheckpoint {
    type Reply = ();
    const NAME: &'static str = "UpdateCheckPoint";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!(
            "{}/{} group {} shard {}",
            self.project, self.logstore, self.group, self.shard
        )
    }

    fn encode(&self) -> ApiRequest {
        let path = format!(
            "/logstores/{}/consumergroups/{}",
            Name(&self.logstore),
            Name(&self.group)
        );
        let consumer = self.consumer.as_ref().map_or("", ConsumerName::as_str);
        let body = json!({ "shard": self.shard, "checkpoint": self.cursor });
        ApiRequest::new(Method::POST, path)
            .with_query("type", "checkpoint")
            .with_query("consumer", consumer.to_owned())
            .with_query("forceSuccess", self.force.to_string())
            .with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::check_refused;
    use crate::code::ErrorCode;

    #[test]
    fn a_lost_shard_is_told_in_either_spelling() {
        let save = UpdateCheckpoint::new("p", "l", "g", ShardId(1), "MQ==".into())
            .with_consumer("c".into())
            .with_force(false);
        for (status, code, want) in [
            (400, "ConsumerNotMatch", ErrorCode::ConsumerNotMatch),
            (404, "ConsumerNotExist", ErrorCode::ConsumerNotExist),
            (404, "ConsumerNotExsit", ErrorCode::ConsumerNotExist),
            (404, "ShardNotExsit", ErrorCode::ShardNotExist),
        ] {
            check_refused(&save, status, code, &want);
        }
    }
}
