use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableTable as _, TableDefinition, WriteTransaction};
use sls_consumer::ShardBatch;
use sls_core::model::{Cursor, ShardId};
use sls_core::service::{CheckpointStore, SaveCheckpoint, StoreFuture};
use sls_core::{BoxError, Call, Error};

use crate::Totals;

/// `orders` and `amount`.
const SUMS: TableDefinition<'_, &str, u64> = TableDefinition::new("sums");
/// Where each shard is read on.
const CURSORS: TableDefinition<'_, u32, &str> = TableDefinition::new("cursors");

/// Sums and checkpoints in one database.
#[derive(Debug, Clone)]
pub(crate) struct Ledger(Arc<Database>);

impl Ledger {
    pub(crate) fn open(path: &Path) -> Result<Self, BoxError> {
        let database = Database::create(path)?;
        let begin = database.begin_write()?;
        begin.open_table(SUMS)?;
        begin.open_table(CURSORS)?;
        begin.commit()?;
        Ok(Self(Arc::new(database)))
    }

    /// Adds a batch, unless it is in already: sums and cursor change together or not at all.
    ///
    /// # Errors
    /// Also when a part of it is in: a batch that comes again may reach further, since logs were
    /// written meanwhile. The worker stops then, and the next one begins behind that part.
    pub(crate) fn add(&self, batch: &ShardBatch) -> Result<(), BoxError> {
        let (from, to) = (position(batch.cursor())?, position(batch.next_cursor())?);
        let transaction = self.0.begin_write()?;
        {
            let mut cursors = transaction.open_table(CURSORS)?;
            let stored = cursors
                .get(batch.shard().0)?
                .map(|it| Cursor::new(it.value()));
            match stored.as_ref().map(position).transpose()? {
                // Somebody was faster: an earlier run of this batch, whose end nobody saw.
                Some(stored) if stored >= to => return Ok(()),
                Some(stored) if stored > from => {
                    return Err("a part of the batch is in the ledger already".into());
                }
                // What lies in between was empty or has expired, and the worker told so.
                _ => {}
            }
            cursors.insert(batch.shard().0, batch.next_cursor().as_str())?;
            let mut sums = transaction.open_table(SUMS)?;
            for row in batch.rows() {
                let amount: u64 = row
                    .text("amount")
                    .ok_or("an order without amount")?
                    .parse()?;
                for (name, more) in [("orders", 1), ("amount", amount)] {
                    let before = sums.get(name)?.map_or(0, |it| it.value());
                    sums.insert(name, before + more)?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn totals(&self) -> Result<Totals, BoxError> {
        let sums = self.0.begin_read()?.open_table(SUMS)?;
        let sum = |name| Ok::<_, BoxError>(sums.get(name)?.map_or(0, |it| it.value()));
        Ok(Totals {
            orders: sum("orders")?,
            amount: sum("amount")?,
        })
    }

    fn cursor(&self, shard: ShardId) -> Result<Option<Cursor>, BoxError> {
        let cursors = self.0.begin_read()?.open_table(CURSORS)?;
        Ok(cursors.get(shard.0)?.map(|it| Cursor::new(it.value())))
    }

    /// Stores where a shard begins. Later places are stored with the batches in front of them.
    fn begin(&self, shard: ShardId, cursor: &Cursor) -> Result<(), BoxError> {
        let transaction = self.0.begin_write()?;
        insert_new(&transaction, shard, cursor)?;
        transaction.commit()?;
        Ok(())
    }
}

/// Places of one shard can be compared as numbers.
fn position(cursor: &Cursor) -> Result<u64, BoxError> {
    let position = cursor.position();
    position.ok_or_else(|| format!("{cursor} is not a place in a shard").into())
}

fn insert_new(to: &WriteTransaction, shard: ShardId, cursor: &Cursor) -> Result<(), BoxError> {
    let mut cursors = to.open_table(CURSORS)?;
    if cursors.get(shard.0)?.is_none() {
        cursors.insert(shard.0, cursor.as_str())?;
    }
    Ok(())
}

/// The worker asks here where to begin.
impl CheckpointStore for Ledger {
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        Box::pin(async move {
            let failed = |cause| failed("load", group, shard, cause);
            self.cursor(shard).map_err(failed)
        })
    }

    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        let SaveCheckpoint { group, shard, .. } = checkpoint;
        Box::pin(async move {
            let failed = |cause| failed("save", group, shard, cause);
            self.begin(shard, checkpoint.cursor).map_err(failed)
        })
    }
}

fn failed(operation: &'static str, group: &str, shard: ShardId, cause: BoxError) -> Error {
    Error::NoAnswer {
        call: Call::new(operation, format!("{group} shard {shard}")),
        may_have_acted: true,
        transient: true,
        cause,
    }
}
