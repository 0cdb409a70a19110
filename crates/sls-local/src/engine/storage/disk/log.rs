//! One shard's groups.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::super::{Arriving, Batch, Bounds, Done, LogId, ReadLimit, ShardLog, StorageError};
use super::Shared;
use super::entry::{Entry, EntryHead, nanos};
use super::format::{GROUPS, HEADS, LogRow};
use super::queue::Job;

/// What a log consists of, as far as it is safe on the disk.
#[derive(Debug)]
pub(super) struct LogState {
    pub(super) id: LogId,
    /// Held for a few numbers.
    row: Mutex<LogRow>,
    /// Whether the file has ever known of it.
    stored: AtomicBool,
}

impl LogState {
    /// A log that begins.
    pub(super) fn new(id: LogId, row: LogRow) -> Self {
        Self {
            id,
            row: Mutex::new(row),
            stored: AtomicBool::new(false),
        }
    }

    /// A log that is in the file.
    pub(super) fn stored(id: LogId, row: LogRow) -> Self {
        let state = Self::new(id, row);
        state.set(row);
        state
    }

    pub(super) fn is_stored(&self) -> bool {
        self.stored.load(Ordering::Acquire)
    }

    pub(super) fn get(&self) -> LogRow {
        *self.row()
    }

    pub(super) fn set(&self, row: LogRow) {
        self.stored.store(true, Ordering::Release);
        *self.row() = row;
    }

    /// Takes over what the writer did; what was trimmed meanwhile stays trimmed.
    pub(super) fn written(&self, written: LogRow) {
        self.stored.store(true, Ordering::Release);
        let mut row = self.row();
        let ahead = row.first > written.first;
        let (first, oldest) = (row.first, row.oldest);
        *row = written;
        if ahead {
            (row.first, row.oldest) = (first, oldest);
        }
    }

    fn row(&self) -> MutexGuard<'_, LogRow> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle of a log.
#[derive(Debug)]
pub(super) struct DiskLog {
    shared: Arc<Shared>,
    state: Arc<LogState>,
}

impl DiskLog {
    pub(super) fn new(shared: Arc<Shared>, state: Arc<LogState>) -> Self {
        Self { shared, state }
    }

    fn head(&self, position: u64) -> Result<Option<EntryHead>, StorageError> {
        let key = (self.state.id.0, position);
        self.shared.read(|database| {
            let table = database.begin_read()?.open_table(HEADS)?;
            let head = table.get(key)?;
            Ok(head.map(|head| EntryHead::of(head.value())))
        })
    }
}

impl Drop for DiskLog {
    fn drop(&mut self) {
        self.shared.let_go(&self.state);
    }
}

impl ShardLog for DiskLog {
    fn append(&self, arriving: Arriving, done: Done) -> Result<(), StorageError> {
        let entry = Entry::new(arriving);
        self.shared.queue.offer(Job::Append {
            log: Arc::clone(&self.state),
            entry,
            done,
        })
    }

    fn read(&self, from: u64, limit: ReadLimit) -> Result<Batch, StorageError> {
        let log = self.state.id.0;
        // What is within the bounds now is in whatever the store shows later.
        let bounds = self.bounds();
        let mut batch = Batch {
            bounds,
            records: Vec::new(),
        };
        if !(bounds.first..bounds.next).contains(&from) {
            return Ok(batch);
        }
        self.shared.read(|database| {
            let tables = database.begin_read()?;
            let heads = tables.open_table(HEADS)?;
            let groups = tables.open_table(GROUPS)?;
            let mut bytes = 0_usize;
            let heads = heads.range((log, from)..(log, bounds.next))?;
            for (position, head) in (from..).zip(heads) {
                let (key, head) = head?;
                let head = EntryHead::of(head.value());
                bytes = bytes.saturating_add(head.raw as usize);
                let full = batch.records.len() == limit.groups || bytes > limit.bytes;
                if full && !batch.records.is_empty() {
                    break;
                }
                let group = groups.get((log, position))?;
                let Some(group) = group.filter(|_| key.value() == (log, position)) else {
                    break;
                };
                batch.records.push(head.unpack(group.value())?);
            }
            Ok(())
        })?;
        if batch.records.is_empty() {
            // What is missing was trimmed while it was looked for; or else it is lost.
            batch.bounds = self.bounds();
            if (batch.bounds.first..batch.bounds.next).contains(&from) {
                let what = format!("log {log} has no group at {from}");
                return Err(StorageError::Damaged(what.into()));
            }
        }
        Ok(batch)
    }

    fn bounds(&self) -> Bounds {
        let row = self.state.get();
        Bounds {
            first: if row.removed { row.next } else { row.first },
            next: row.next,
        }
    }

    fn arrived(&self) -> u64 {
        self.state.get().logs
    }

    fn first_received_since(&self, time: SystemTime) -> Result<u64, StorageError> {
        let row = self.state.get();
        let time = nanos(time);
        // The usual cases need no look at the disk: nothing has expired, or everything has.
        if row.first == row.next || row.oldest >= time {
            return Ok(row.first);
        }
        if row.newest < time {
            return Ok(row.next);
        }
        let log = self.state.id.0;
        self.shared.read(|database| {
            let heads = database.begin_read()?.open_table(HEADS)?;
            let (mut low, mut high) = (row.first, row.next);
            while low < high {
                let middle = low + (high - low) / 2;
                let head = heads.get((log, middle))?;
                // What is gone was older.
                let older = head.is_none_or(|head| EntryHead::of(head.value()).received < time);
                if older {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            Ok(low)
        })
    }

    /// What is before the position cannot be read from now on; the writer deletes it when it
    /// gets to it.
    fn trim(&self, first: u64) -> Result<(), StorageError> {
        let row = self.state.get();
        let first = first.min(row.next);
        if first <= row.first {
            return Ok(());
        }
        let oldest = self.head(first)?.map_or(row.newest, |head| head.received);
        let mut row = self.state.row();
        if first > row.first {
            (row.first, row.oldest) = (first, oldest);
        }
        drop(row);
        self.shared.queue.purge(self.state.id);
        Ok(())
    }
}
