use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use serde::Deserialize;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{Cursor, ShardId};
use crate::wire::headers;

/// Tells when the service received the log group behind a cursor, to the second.
///
/// For a cursor at the end it is the service's present time. Refused with `InvalidCursor`
/// outside what the shard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetCursorTime {
    project: String,
    logstore: String,
    shard: ShardId,
    cursor: Cursor,
}

impl GetCursorTime {
    /// Asks about one cursor of one shard.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        shard: ShardId,
        cursor: Cursor,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            shard,
            cursor,
        }
    }
}

impl Sealed for GetCursorTime {}

impl Operation for GetCursorTime {
    type Reply = SystemTime;
    const NAME: &'static str = "GetCursorTime";

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
        .with_query("type", "cursor_time")
        .with_query("cursor", self.cursor.as_str().to_owned())
    }

    fn decode(&self, reply: &ApiReply) -> Result<SystemTime, InvalidReply> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Seconds {
            Number(u32),
            Text(String),
        }
        #[derive(Deserialize)]
        struct Body {
            cursor_time: Seconds,
        }
        let seconds = match reply.json::<Body>()?.cursor_time {
            Seconds::Number(seconds) => seconds,
            Seconds::Text(text) => text
                .parse()
                .map_err(|cause| InvalidReply::because("cursor_time is not a number", cause))?,
        };
        Ok(UNIX_EPOCH + Duration::from_secs(u64::from(seconds)))
    }
}
