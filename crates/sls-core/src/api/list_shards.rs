use std::fmt;

use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::Shard;

/// Lists the shards of a logstore, those that no longer take writes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListShards {
    project: String,
    logstore: String,
}

impl ListShards {
    /// Asks for the shards of one logstore.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
        }
    }
}

impl Sealed for ListShards {}

impl Operation for ListShards {
    type Reply = ShardList;
    const NAME: &'static str = "ListShards";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::GET,
            format!("/logstores/{}/shards", Name(&self.logstore)),
        )
    }

    fn decode(&self, reply: &ApiReply) -> Result<ShardList, InvalidReply> {
        reply.json().map(ShardList)
    }
}

/// The shards of a logstore, in the service's order, which means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardList(pub Vec<Shard>);

impl fmt::Display for ShardList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} shards", self.0.len())?;
        for shard in &self.0 {
            write!(f, "\n  {shard}")?;
        }
        Ok(())
    }
}
