use http::Method;
use serde::Deserialize;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{Cursor, CursorPosition, ShardId};
use crate::wire::headers;

/// Gives a cursor to start reading a shard from.
///
/// A time at or before the oldest log group gives the oldest one, a time after the newest
/// gives the end. Refused with `ShardNotExist` when there is no such shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCursor {
    project: String,
    logstore: String,
    shard: ShardId,
    from: CursorPosition,
}

impl GetCursor {
    /// Asks for the cursor of one shard at one position.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        shard: ShardId,
        from: CursorPosition,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            shard,
            from,
        }
    }
}

impl Sealed for GetCursor {}

impl Operation for GetCursor {
    type Reply = Cursor;
    const NAME: &'static str = "GetCursor";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} shard {}", self.project, self.logstore, self.shard)
    }

    fn encode(&self) -> ApiRequest {
        ApiRequest::new(
            Method::GET,
            format!("/logstores/{}/shards/{}", Name(&self.logstore), self.shard),
        )
        // The official Python client sends this type on a request without body.
        .with_content_type(headers::JSON)
        .with_query("type", "cursor")
        .with_query("from", self.from.to_string())
    }

    fn decode(&self, reply: &ApiReply) -> Result<Cursor, InvalidReply> {
        #[derive(Deserialize)]
        struct Body {
            cursor: Cursor,
        }
        reply.json::<Body>().map(|body| body.cursor)
    }
}
