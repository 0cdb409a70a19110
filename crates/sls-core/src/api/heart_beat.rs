use http::Method;
use serde_json::json;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{ConsumerName, ShardId};

/// Says that a consumer lives and which shards it holds, and hears which it should hold.
///
/// The first heartbeat of a consumer holds no shard and makes the service know it. A shard
/// that the answer leaves out must be given up, and named in every heartbeat until its reader
/// has really stopped: until then the service gives it to nobody else. Refused with
/// `NotExistConsumerWithBody` when a consumer that the service does not know, or no longer,
/// names shards; it has to drop them all and begin again. Refused with
/// `ConsumerGroupNotExist` when there is no such group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartBeat {
    project: String,
    logstore: String,
    group: String,
    consumer: ConsumerName,
    held: Vec<ShardId>,
}

impl HeartBeat {
    /// `consumer` holds the shards of `held`.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        group: impl Into<String>,
        consumer: ConsumerName,
        held: Vec<ShardId>,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            group: group.into(),
            consumer,
            held,
        }
    }
}

impl Sealed for HeartBeat {}

impl Operation for HeartBeat {
    type Reply = Vec<ShardId>;
    const NAME: &'static str = "HeartBeat";

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
        ApiRequest::new(Method::POST, path)
            .with_query("type", "heartbeat")
            .with_query("consumer", self.consumer.as_str().to_owned())
            .with_json(&json!(self.held))
    }

    fn decode(&self, reply: &ApiReply) -> Result<Vec<ShardId>, InvalidReply> {
        reply.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, check_refused, ok};
    use crate::code::ErrorCode;

    fn beat() -> HeartBeat {
        HeartBeat::new("p", "l", "g", "c".into(), vec![ShardId(3)])
    }

    #[test]
    fn only_a_list_of_shards_is_an_answer() {
        assert_eq!(beat().read(&ok("[0,3]")).unwrap(), [ShardId(0), ShardId(3)]);
        assert_eq!(beat().read(&ok("[]")).unwrap(), []);
        // A lost body must not look like the loss of all shards.
        check_invalid(&beat(), &ok(""));
        check_invalid(&beat(), &ok("{}"));
        check_invalid(&beat(), &ok("[-1]"));
    }

    #[test]
    fn both_spellings_of_an_unknown_consumer_are_one_code() {
        for code in ["ConsumerNotExist", "ConsumerNotExsit"] {
            check_refused(&beat(), 404, code, &ErrorCode::ConsumerNotExist);
        }
        let code = ErrorCode::NotExistConsumerWithBody;
        check_refused(&beat(), 400, "NotExistConsumerWithBody", &code);
    }
}
