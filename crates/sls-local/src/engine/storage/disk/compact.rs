//! A smaller file with the same in it.
//!
//! The store reuses what is deleted and gives back what is free at its end, but does not move
//! what lies behind a hole. So everything is copied into a new file, which takes the place of
//! the old one when it is complete and safe. Until then the old one is the store.

use std::path::Path;
use std::time::Duration;

use redb::{
    Database, Key, ReadTransaction, ReadableTable as _, TableDefinition, Value, WriteTransaction,
};
use tokio::time::Instant;

use super::super::StorageError;
use super::format::{self, FACTS, GROUPS, HEADS, LOGS, LogRow, OpenError};
use super::room::{self, FreeSpace};
use super::upkeep::Upkeep;
use super::{LogId, ReadError};

/// About how many bytes are copied in one commit.
const TOGETHER: usize = 16 << 20;
/// Memory for pages of the copy, beside those of the store.
const CACHE: usize = 8 << 20;
/// What an entry takes beside its bytes, roughly.
const ENTRY: usize = 64;

/// Opens the store over a file that is as small as it can be made in the time there is.
pub(super) fn compacted(
    folder: &Path,
    cache: usize,
    store: Database,
    logs: &[(LogId, LogRow)],
    space: &FreeSpace,
    upkeep: &Upkeep,
) -> Result<Database, OpenError> {
    let before = room::taken(&format::store(folder));
    let groups = logs.iter().map(|(_, row)| row.bytes).sum();
    if before < upkeep.compacted_from || room::used(groups) >= before / 2 {
        return Ok(store);
    }
    if space.check_groups(groups, 0).is_err() {
        tracing::warn!(
            folder = %folder.display(),
            "most of the data folder's file is free, and the disk has no room to write it anew"
        );
        return Ok(store);
    }
    tracing::info!(
        folder = %folder.display(),
        bytes = before,
        "most of the data folder's file is free; it is written anew"
    );
    match copied(folder, &store, upkeep.compacted_within) {
        Ok(()) => {
            // Its file is about to lose its name.
            drop(store);
            format::move_into_place(folder)?;
            let after = room::taken(&format::store(folder));
            tracing::info!(folder = %folder.display(), bytes = after, "the file was written anew");
            format::open(folder, cache)
        }
        Err(why) => {
            tracing::warn!(
                folder = %folder.display(),
                %why,
                "the data folder's file stays as large as it is"
            );
            format::remove_unfinished(folder);
            Ok(store)
        }
    }
}

/// Copies everything into a new file beside the store.
fn copied(folder: &Path, store: &Database, within: Duration) -> Result<(), StorageError> {
    let until = Instant::now() + within;
    let copy = format::begin(folder, CACHE).map_err(|error| match error {
        OpenError::Io(cause) => StorageError::Failed(cause.to_string().into()),
        other => StorageError::Failed(other.to_string().into()),
    })?;
    let copying = || {
        let from = store.begin_read()?;
        copy_table(&from, &copy, FACTS, until)?;
        copy_table(&from, &copy, LOGS, until)?;
        copy_table(&from, &copy, HEADS, until)?;
        copy_table(&from, &copy, GROUPS, until)
    };
    copying().map_err(|error: ReadError| error.0)
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    copy: &Database,
    table: TableDefinition<'static, K, V>,
    until: Instant,
) -> Result<(), ReadError> {
    let source = from.open_table(table)?;
    let mut entries = source.iter()?.peekable();
    while entries.peek().is_some() {
        if Instant::now() >= until {
            let why = "there is too much in it for the time of a start";
            return Err(ReadError(StorageError::Failed(why.into())));
        }
        let transaction: WriteTransaction = copy.begin_write()?;
        {
            let mut target = transaction.open_table(table)?;
            let mut bytes = 0;
            for entry in entries.by_ref() {
                let (key, value) = entry?;
                bytes += ENTRY + V::as_bytes(&value.value()).as_ref().len();
                target.insert(key.value(), value.value())?;
                if bytes >= TOGETHER {
                    break;
                }
            }
        }
        transaction.commit()?;
    }
    Ok(())
}
