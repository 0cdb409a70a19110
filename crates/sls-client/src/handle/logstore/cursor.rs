use std::time::SystemTime;

use sls_core::api::{GetCursor, GetCursorTime};
use sls_core::model::{Cursor, CursorPosition, ShardId};
use sls_core::{Call, Error, ErrorCode};

use super::LogstoreHandle;

impl LogstoreHandle {
    /// A cursor to start reading a shard from.
    ///
    /// # Errors
    /// [`Error::Service`] with `ShardNotExist` when there is no such shard.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn cursor(&self, shard: ShardId, from: CursorPosition) -> Result<Cursor, Error> {
        let operation = GetCursor::new(&self.project, &self.logstore, shard, from);
        self.client.send(&operation).await
    }

    /// When the service received the log group behind a cursor, to the second.
    ///
    /// # Errors
    /// [`Error::Service`] with `InvalidCursor` outside what the shard holds.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn cursor_time(&self, shard: ShardId, cursor: Cursor) -> Result<SystemTime, Error> {
        let operation = GetCursorTime::new(&self.project, &self.logstore, shard, cursor);
        self.client.send(&operation).await
    }

    /// When the service received the log group in front of a cursor, to the second.
    ///
    /// For a checkpoint it is the age of what was processed last. Where that group is gone
    /// or not there yet, the nearest end of the shard takes its place, as in the official
    /// Python client.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the cursor is not one of the service's; otherwise as
    /// [`cursor_time`](Self::cursor_time).
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn previous_cursor_time(
        &self,
        shard: ShardId,
        cursor: &Cursor,
    ) -> Result<SystemTime, Error> {
        let position = cursor.position().ok_or_else(|| Error::InvalidRequest {
            call: Call::new(
                "GetCursorTime",
                format!("{}/{} shard {shard}", self.project, self.logstore),
            ),
            reason: format!("{:?} is not a cursor", cursor.as_str()),
        })?;
        let Some(previous) = position.checked_sub(1) else {
            let begin = self.cursor(shard, CursorPosition::Begin).await?;
            return self.cursor_time(shard, begin).await;
        };
        let outcome = self.cursor_time(shard, Cursor::at_position(previous)).await;
        match outcome {
            Err(error) if error.code() == Some(&ErrorCode::InvalidCursor) => {
                match self.nearest_end(shard, previous).await? {
                    Some(end) => self.cursor_time(shard, end).await,
                    None => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    /// The end of the shard that a position lies beyond, if it does.
    async fn nearest_end(&self, shard: ShardId, position: u64) -> Result<Option<Cursor>, Error> {
        let begin = self.cursor(shard, CursorPosition::Begin).await?;
        if begin.position().is_some_and(|begin| position < begin) {
            return Ok(Some(begin));
        }
        let end = self.cursor(shard, CursorPosition::End).await?;
        Ok(Some(end).filter(|end| end.position().is_some_and(|end| position > end)))
    }
}
