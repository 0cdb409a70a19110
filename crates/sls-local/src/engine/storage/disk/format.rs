//! What is in the folder, and which folders are refused.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableTable as _, TableDefinition};

use super::super::{LogId, StorageError};
use super::ReadError;

/// The version of what is described here. Another is refused.
const VERSION: u64 = 1;

/// Held for as long as a server uses the folder.
const LOCK: &str = "lock";
const STORE: &str = "store.redb";
/// What the store is called until it is complete, so that a store is never found half made.
const UNFINISHED: &str = "store.redb.new";

/// Numbers about the folder itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const META_VERSION: &str = "version";

/// Names and what is known under them: a checksum, then the fact.
pub(super) const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");

/// What a log consists of, see [`LogRow`].
pub(super) const LOGS: TableDefinition<'_, u64, LogNumbers> = TableDefinition::new("logs");

/// Log and position, and all about a group but its bytes, see [`EntryHead`](super::entry::EntryHead).
pub(super) const HEADS: TableDefinition<'_, (u64, u64), HeadNumbers> =
    TableDefinition::new("heads");

/// Log and position, and the group's bytes as they are kept.
pub(super) const GROUPS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("groups");

/// `purged, first, next, oldest, newest, bytes, logs, removed`
pub(super) type LogNumbers = (u64, u64, u64, u64, u64, u64, u64, bool);
/// `received, raw bytes, kept bytes, checksum, compression`
pub(super) type HeadNumbers = (u64, u32, u32, u32, u8);

/// What a log consists of; times in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogRow {
    /// What is before this position was deleted from the file.
    pub(super) purged: u64,
    /// The first position that may be read.
    pub(super) first: u64,
    pub(super) next: u64,
    /// When the group at `first` was received.
    pub(super) oldest: u64,
    /// When the last group was received, whether it is still there or not.
    pub(super) newest: u64,
    /// How many bytes the groups of the file take that are not deleted yet.
    pub(super) bytes: u64,
    /// How many logs were ever stored.
    pub(super) logs: u64,
    pub(super) removed: bool,
}

impl LogRow {
    pub(super) fn empty(base: u64) -> Self {
        Self {
            purged: base,
            first: base,
            next: base,
            oldest: 0,
            newest: 0,
            bytes: 0,
            logs: 0,
            removed: false,
        }
    }

    pub(super) fn numbers(self) -> LogNumbers {
        let Self {
            purged,
            first,
            next,
            oldest,
            newest,
            bytes,
            logs,
            removed,
        } = self;
        (purged, first, next, oldest, newest, bytes, logs, removed)
    }

    fn of(numbers: LogNumbers) -> Self {
        let (purged, first, next, oldest, newest, bytes, logs, removed) = numbers;
        Self {
            purged,
            first,
            next,
            oldest,
            newest,
            bytes,
            logs,
            removed,
        }
    }

    /// Whether this can be, where the group at `last` is the last in the file.
    fn fits(&self, last: Option<u64>) -> bool {
        let kept = self.purged < self.next;
        let wanted = if kept { self.next.checked_sub(1) } else { None };
        self.purged <= self.purge_end() && self.first <= self.next && last == wanted
    }

    /// Up to where the file need not keep anything.
    pub(super) fn purge_end(&self) -> u64 {
        if self.removed { self.next } else { self.first }
    }

    /// Whether something is still to be deleted from the file.
    pub(super) fn is_purged_later(&self) -> bool {
        self.removed || self.purged < self.first
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("another server uses it")]
    InUse,
    #[error("a later version wrote it: format {found}, {known} is known")]
    Newer { found: u64, known: u64 },
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it cannot be read or written")]
    Io(#[source] io::Error),
}

/// Keeps other servers out until it is dropped.
pub(super) fn lock(folder: &Path) -> Result<FileBackend, OpenError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    FileBackend::new(file.map_err(OpenError::Io)?).map_err(refused)
}

/// The file of the store.
pub(super) fn store(folder: &Path) -> PathBuf {
    folder.join(STORE)
}

/// What the store is called until it is complete.
pub(super) fn unfinished(folder: &Path) -> PathBuf {
    folder.join(UNFINISHED)
}

/// Removes what a start that was cut off has left beside a store.
pub(super) fn remove_unfinished(folder: &Path) {
    // Where this fails it only takes room.
    let _ = fs::remove_file(unfinished(folder));
}

/// Opens the store, which is made when there is none.
pub(super) fn open(folder: &Path, cache: usize) -> Result<Database, OpenError> {
    let path = store(folder);
    let found = fs::metadata(&path);
    match found {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => create(folder, cache)?,
        Err(cause) => return Err(OpenError::Io(cause)),
        // The store would take it for a new one.
        Ok(file) if file.len() == 0 => {
            return Err(OpenError::Damaged(format!("{STORE} is empty")));
        }
        Ok(_) => {}
    }
    let folder = folder.to_owned();
    let opened = guarded(|| {
        let mut builder = Database::builder();
        builder.set_cache_size(cache);
        builder.set_repair_callback(move |repair| {
            tracing::info!(
                folder = %folder.display(),
                progress = repair.progress(),
                "the server did not end in order; the data folder is checked"
            );
        });
        builder.open(&path).map_err(refused)
    });
    let database = opened?;
    guarded(|| check(&database))?;
    Ok(database)
}

/// The logs of the store, each of which has the groups that it should.
pub(super) fn logs(database: &Database) -> Result<Vec<(LogId, LogRow)>, OpenError> {
    guarded(|| {
        let tables = database.begin_read().map_err(unreadable)?;
        let table = tables.open_table(LOGS).map_err(unreadable)?;
        let heads = tables.open_table(HEADS).map_err(unreadable)?;
        let mut logs = Vec::new();
        for row in table.iter().map_err(unreadable)? {
            let (id, numbers) = row.map_err(unreadable)?;
            let (id, row) = (id.value(), LogRow::of(numbers.value()));
            let mut groups = heads.range((id, 0)..=(id, u64::MAX)).map_err(unreadable)?;
            let last = groups.next_back().transpose().map_err(unreadable)?;
            let last = last.map(|(key, _)| key.value().1);
            if !row.fits(last) {
                return Err(OpenError::Damaged(format!(
                    "log {id} has other groups than it should"
                )));
            }
            logs.push((LogId(id), row));
        }
        Ok(logs)
    })
}

/// Makes an empty store beside its place, and moves it there when it is safe.
fn create(folder: &Path, cache: usize) -> Result<(), OpenError> {
    drop(begin(folder, cache)?);
    move_into_place(folder)
}

/// Makes an empty store beside its place.
pub(super) fn begin(folder: &Path, cache: usize) -> Result<Database, OpenError> {
    let unfinished = unfinished(folder);
    match fs::remove_file(&unfinished) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(OpenError::Io(cause)),
        _ => {}
    }
    let mut builder = Database::builder();
    // The format that later versions of the store read, too.
    builder.create_with_file_format_v3(true);
    builder.set_cache_size(cache);
    let database = builder.create(&unfinished).map_err(refused)?;
    make_tables(&database).map_err(|error| match error.0 {
        StorageError::Damaged(what) => OpenError::Damaged(what.to_string()),
        other => OpenError::Io(io::Error::other(other)),
    })?;
    Ok(database)
}

/// Moves a store that is complete and closed to its place.
pub(super) fn move_into_place(folder: &Path) -> Result<(), OpenError> {
    let moved = fs::rename(unfinished(folder), store(folder));
    let safe = moved.and_then(|()| sync(folder));
    // The folder itself may be new.
    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let safe = safe.and_then(|()| parent.map_or(Ok(()), sync));
    safe.map_err(OpenError::Io)
}

fn make_tables(database: &Database) -> Result<(), ReadError> {
    let transaction = database.begin_write()?;
    transaction
        .open_table(META)?
        .insert(META_VERSION, VERSION)?;
    transaction.open_table(FACTS)?;
    transaction.open_table(LOGS)?;
    transaction.open_table(HEADS)?;
    transaction.open_table(GROUPS)?;
    transaction.commit()?;
    Ok(())
}

/// Makes the names in a folder safe, where that is possible.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Whether the store is one that this version knows.
fn check(database: &Database) -> Result<(), OpenError> {
    let tables = database.begin_read().map_err(unreadable)?;
    let meta = tables.open_table(META).map_err(unreadable)?;
    let version = meta.get(META_VERSION).map_err(unreadable)?;
    match version.map(|version| version.value()) {
        Some(VERSION) => {}
        Some(found) if found > VERSION => {
            let known = VERSION;
            return Err(OpenError::Newer { found, known });
        }
        Some(found) => return Err(OpenError::Damaged(format!("its format is {found}"))),
        None => return Err(OpenError::Damaged("it does not tell its format".to_owned())),
    }
    tables.open_table(FACTS).map_err(unreadable)?;
    tables.open_table(HEADS).map_err(unreadable)?;
    tables.open_table(GROUPS).map_err(unreadable)?;
    Ok(())
}

/// The store may panic over bytes that it did not write.
fn guarded<T>(look: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    let look = std::panic::AssertUnwindSafe(look);
    std::panic::catch_unwind(look).unwrap_or_else(|_| {
        let what = format!("{STORE} makes no sense");
        Err(OpenError::Damaged(what))
    })
}

fn refused(error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse,
        DatabaseError::Storage(error) => unreadable(error),
        other => OpenError::Damaged(other.to_string()),
    }
}

fn unreadable(error: impl Into<redb::Error>) -> OpenError {
    match error.into() {
        // How the store says that the file is not one of its own, or is cut short.
        redb::Error::Io(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            OpenError::Damaged(format!("{STORE}: {cause}"))
        }
        redb::Error::Io(cause) => OpenError::Io(cause),
        other => OpenError::Damaged(format!("{STORE}: {other}")),
    }
}
