//! The loop of a reader without a consumer group: every shard in turn, from its cursor on,
//! until none of them moves any more.

use std::error::Error;
use std::time::Duration;

use sls_client::LogstoreHandle;
use sls_core::model::{Cursor, CursorPosition, Shard};

use crate::table::Table;

/// The most log groups of one pull.
const COUNT: u32 = 10;
/// How long to wait when no cursor moved.
const IDLE: Duration = Duration::from_secs(1);
/// How often to wait for rows that were shipped and have not been seen yet.
const MAX_IDLE_ROUNDS: u32 = 10;
/// How many rows the table shows.
const SHOWN: usize = 10;

/// What was read back.
#[derive(Default)]
pub(crate) struct Pulled {
    /// Log groups received.
    pub(crate) groups: u64,
    /// Rows that the query looked at.
    pub(crate) scanned: u64,
    /// Rows that the query gave.
    pub(crate) matched: u64,
    /// The first of them.
    pub(crate) table: Table,
}

/// The shards, each with the cursor behind what it holds now.
pub(crate) async fn cursors_at_end(
    logstore: &LogstoreHandle,
) -> Result<Vec<(Shard, Cursor)>, Box<dyn Error>> {
    let mut cursors = Vec::new();
    for shard in logstore.shards().await? {
        let cursor = logstore.cursor(shard.id, CursorPosition::End).await?;
        cursors.push((shard, cursor));
    }
    Ok(cursors)
}

/// Has the service read the query, so that a mistake in it is told.
pub(crate) async fn try_query(
    logstore: &LogstoreHandle,
    cursors: &[(Shard, Cursor)],
    query: &str,
) -> Result<(), Box<dyn Error>> {
    if let Some((shard, cursor)) = cursors.first() {
        let pull = logstore.pull(shard.id, cursor.clone());
        logstore.client().send(&pull.with_query(query)).await?;
    }
    Ok(())
}

/// Reads every shard from its cursor until `shipped` rows were seen and nothing moves.
pub(crate) async fn pull_until_caught_up(
    logstore: &LogstoreHandle,
    mut cursors: Vec<(Shard, Cursor)>,
    query: &str,
    shipped: u64,
) -> Result<Pulled, Box<dyn Error>> {
    let mut pulled = Pulled::default();
    let mut idle_rounds = 0;
    loop {
        let mut moved = false;
        for (shard, cursor) in &mut cursors {
            let pull = logstore.pull(shard.id, cursor.clone());
            let pull = pull.with_count(COUNT).with_query(query);
            let batch = logstore.client().send(&pull).await?;
            moved |= !batch.is_caught_up();
            *cursor = batch.next_cursor().clone();

            pulled.groups += batch.group_count() as u64;
            pulled.matched += batch.log_count() as u64;
            let scanned = batch.scan().and_then(|scan| scan.lines);
            pulled.scanned += scanned.unwrap_or_else(|| batch.log_count() as u64);
            for log in batch.groups().groups().flat_map(|group| group.logs()) {
                if pulled.table.len() < SHOWN {
                    let fields = log.contents();
                    let row = fields.map(|(name, text)| (name.to_string(), text.to_string()));
                    pulled.table.push(row);
                }
            }
        }
        if moved {
            idle_rounds = 0;
        } else if pulled.scanned >= shipped || idle_rounds == MAX_IDLE_ROUNDS {
            return Ok(pulled);
        } else {
            idle_rounds += 1;
            tokio::time::sleep(IDLE).await;
        }
    }
}
