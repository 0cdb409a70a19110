//! Everything in one file of a folder, through an embedded store.
//!
//! ```text
//! append, submit --> queue.rs --> writer.rs: one thread, one commit for all that wait
//!                                     |
//!                                     v
//! read <-------------------------- store.redb     format.rs: tables; entry.rs: one group
//! ```
//!
//! What a log consists of is in memory as four numbers; groups are read when they are asked
//! for, through a cache of bounded size. While a commit is on its way the next one gathers,
//! so many puts share the time that the disk takes for one.

mod compact; // a smaller file with the same in it
mod entry; // a group as it is written
mod format; // tables, versions, opening
mod log; // one shard's groups
mod queue; // what waits for the writer
mod room; // how full the disk is
#[cfg(test)]
mod tests;
mod trouble; // what failed, and when it is tried again
mod upkeep; // what is done for quick starts and small files
mod writer; // commits

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use redb::Database;

use self::format::FACTS;
use self::log::{DiskLog, LogState};
use self::queue::{Job, Queue};
use self::room::FreeSpace;
use self::upkeep::Upkeep;
use super::{Changes, Done, Fact, LogId, ShardLog, Storage, StorageError};

pub(crate) use self::format::OpenError;

/// Keeps everything in a folder.
#[derive(Debug)]
pub(crate) struct DiskStorage {
    shared: Arc<Shared>,
    /// The thread that writes; taken when it is told to end.
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the handles of logs and the writer have in common.
#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    cache: usize,
    /// Not there while the file cannot be used, and after the end.
    database: RwLock<Option<Database>>,
    queue: Queue,
    /// The logs that are in the file, and those that somebody holds. Held for a lookup.
    logs: Mutex<HashMap<LogId, Arc<LogState>>>,
    space: FreeSpace,
    upkeep: Upkeep,
    /// Keeps other servers out of the folder.
    lock: Mutex<Option<redb::backends::FileBackend>>,
}

impl DiskStorage {
    /// Opens a folder, which is made when it is not there, with so many bytes of memory for
    /// pages of the file. Takes up to half a minute when most of a large file is free and it is
    /// made smaller.
    pub(crate) fn open(folder: &Path, cache: usize) -> Result<Self, OpenError> {
        Self::open_with(folder, cache, FreeSpace::of(folder), Upkeep::default())
    }

    fn open_with(
        folder: &Path,
        cache: usize,
        space: FreeSpace,
        upkeep: Upkeep,
    ) -> Result<Self, OpenError> {
        std::fs::create_dir_all(folder).map_err(OpenError::Io)?;
        let lock = format::lock(folder)?;
        let database = format::open(folder, cache)?;
        let logs = format::logs(&database)?;
        format::remove_unfinished(folder);
        let database = compact::compacted(folder, cache, database, &logs, &space, &upkeep)?;
        let purging = logs.iter().filter(|(_, row)| row.is_purged_later());
        let purging: Vec<_> = purging.map(|(id, _)| *id).collect();
        let states = logs.into_iter();
        let states = states.map(|(id, row)| (id, Arc::new(LogState::stored(id, row))));
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            cache,
            database: RwLock::new(Some(database)),
            queue: Queue::new(purging),
            logs: Mutex::new(states.collect()),
            space,
            upkeep,
            lock: Mutex::new(Some(lock)),
        });
        let writer = writer::start(Arc::clone(&shared)).map_err(OpenError::Io)?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some(writer)),
        })
    }
}

impl Storage for DiskStorage {
    fn open(&self, log: LogId, base: u64) -> Result<Arc<dyn ShardLog>, StorageError> {
        let state = self.shared.state(log, base);
        Ok(Arc::new(DiskLog::new(Arc::clone(&self.shared), state)))
    }

    fn submit(&self, changes: Changes, done: Done) {
        self.shared.queue.push(Job::Change { changes, done });
    }

    fn facts(&self, prefix: &str) -> Result<Vec<Fact>, StorageError> {
        self.shared.read(|database| {
            let table = database.begin_read()?.open_table(FACTS)?;
            let mut facts = Vec::new();
            for fact in table.range(prefix..)? {
                let (name, value) = fact?;
                if !name.value().starts_with(prefix) {
                    break;
                }
                let fact = entry::checked(value.value()).ok_or_else(|| {
                    StorageError::Damaged(format!("fact {:?}", name.value()).into())
                })?;
                facts.push((name.value().to_owned(), fact.to_vec()));
            }
            Ok(facts)
        })
    }

    fn free_log(&self) -> LogId {
        let logs = self.shared.logs();
        LogId(logs.keys().max().map_or(0, |last| last.0 + 1))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn close(&self) {
        self.shared.queue.close();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take() {
            // It has told those who wait what became of their writes.
            let _ = writer.join();
        }
        let shared = &self.shared;
        // Waits for whoever reads; notes on the disk that the end was in order.
        let mut database = shared
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let_go(&mut database);
        drop(database);
        *shared.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for DiskStorage {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// What is known of a log; one that is not known begins, empty, at `base`.
    fn state(&self, id: LogId, base: u64) -> Arc<LogState> {
        let mut logs = self.logs();
        let new = || Arc::new(LogState::new(id, format::LogRow::empty(base)));
        Arc::clone(logs.entry(id).or_insert_with(new))
    }

    /// Forgets a log that its last holder lets go of, unless something of it was stored.
    fn let_go(&self, state: &Arc<LogState>) {
        let mut logs = self.logs();
        let known = logs.get(&state.id);
        let known = known.is_some_and(|known| Arc::ptr_eq(known, state));
        // The table's own and the holder's. Whoever writes to it has one more.
        if known && Arc::strong_count(state) == 2 && !state.is_stored() {
            logs.remove(&state.id);
        }
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<LogId, Arc<LogState>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the file, if it can be used.
    fn read<T>(
        &self,
        look: impl FnOnce(&Database) -> Result<T, ReadError>,
    ) -> Result<T, StorageError> {
        match &*self.database() {
            Some(database) => {
                // The store panics over pages that make no sense.
                let look = AssertUnwindSafe(|| look(database));
                let looked = catch_unwind(look).unwrap_or_else(|_| {
                    let what = "a part of the file makes no sense";
                    Err(ReadError(StorageError::Damaged(what.into())))
                });
                looked.map_err(|error| error.0)
            }
            None if self.queue.is_closed() => Err(StorageError::Closed),
            None => Err(StorageError::Failed("it is being opened again".into())),
        }
    }

    /// Lets go of a file that failed and opens it anew; whether it can be used now.
    fn reopen(&self) -> bool {
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // The store refuses everything after its first failure, reads included.
        let_go(&mut database);
        let opened = format::open(&self.folder, self.cache);
        let opened = opened.and_then(|database| Ok((format::logs(&database)?, database)));
        match opened {
            Ok((rows, opened)) => {
                let logs = self.logs();
                let mut rows: HashMap<_, _> = rows.into_iter().collect();
                for (id, state) in logs.iter() {
                    // A commit may have been complete although it failed at its very end.
                    if let Some(row) = rows.remove(id) {
                        state.set(row);
                    }
                }
                *database = Some(opened);
                true
            }
            Err(error) => {
                tracing::error!(%error, folder = %self.folder.display(), "the data folder cannot be used");
                false
            }
        }
    }
}

/// Closes the file. The store may panic over pages that make no sense.
fn let_go(database: &mut Option<Database>) {
    let database = AssertUnwindSafe(database.take());
    if catch_unwind(move || drop(database)).is_err() {
        tracing::error!("the data folder was not closed well");
    }
}

/// Whatever the store or an entry reports while it is read.
struct ReadError(StorageError);

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        Self(error)
    }
}

macro_rules! from_store {
    ($($error:ty),+) => {$(
        impl From<$error> for ReadError {
            fn from(error: $error) -> Self {
                Self(failure(error.into()))
            }
        }
    )+};
}

from_store!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

/// What a failure of the store means to a client.
fn failure(error: redb::Error) -> StorageError {
    match error {
        redb::Error::Io(cause) if room::is_full(&cause) => StorageError::DiskFull,
        redb::Error::Corrupted(what) => StorageError::Damaged(what.into()),
        other => StorageError::Failed(other.to_string().into()),
    }
}
