//! Log groups in memory, within one budget of bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{
    Arriving, Batch, Bounds, Changes, Done, Fact, LogId, ReadLimit, Record, ShardLog, Storage,
    StorageError,
};

/// What a group costs on top of its bytes, so that empty groups are not free.
const RECORD_OVERHEAD: usize = 64;

/// Keeps everything in memory; gone when the process ends.
#[derive(Debug)]
pub(crate) struct MemoryStorage {
    budget: Arc<Budget>,
}

impl MemoryStorage {
    /// Room for `limit` bytes of log groups, all shards together.
    pub(crate) fn new(limit: usize) -> Self {
        let used = AtomicUsize::new(0);
        Self {
            budget: Arc::new(Budget { limit, used }),
        }
    }
}

impl Storage for MemoryStorage {
    fn open(&self, _log: LogId, base: u64) -> Result<Arc<dyn ShardLog>, StorageError> {
        Ok(Arc::new(MemoryLog {
            budget: Arc::clone(&self.budget),
            records: Mutex::new(Records {
                first: base,
                kept: VecDeque::new(),
                arrived: 0,
            }),
        }))
    }

    /// Nothing to do: facts are in the engine's own memory, and a log gives its memory back
    /// when its last holder lets go.
    fn submit(&self, _changes: Changes, done: Done) {
        done(Ok(()));
    }

    fn facts(&self, _prefix: &str) -> Result<Vec<Fact>, StorageError> {
        Ok(Vec::new())
    }

    fn free_log(&self) -> LogId {
        LogId(0)
    }

    fn is_durable(&self) -> bool {
        false
    }

    /// Nothing to do: what is kept stays readable for as long as somebody holds it.
    fn close(&self) {}
}

#[derive(Debug)]
struct MemoryLog {
    budget: Arc<Budget>,
    /// Held for a lookup or a copy of handles, never for a copy of bytes.
    records: Mutex<Records>,
}

#[derive(Debug)]
struct Records {
    first: u64,
    kept: VecDeque<Record>,
    arrived: u64,
}

impl Records {
    fn bounds(&self) -> Bounds {
        Bounds {
            first: self.first,
            next: self.first + self.kept.len() as u64,
        }
    }
}

impl MemoryLog {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShardLog for MemoryLog {
    fn append(&self, arriving: Arriving, done: Done) -> Result<(), StorageError> {
        let mut record = Record {
            received: arriving.received,
            group: arriving.group,
        };
        self.budget.take(cost(&record))?;
        let mut records = self.records();
        if let Some(last) = records.kept.back() {
            record.received = record.received.max(last.received);
        }
        records.kept.push_back(record);
        records.arrived += arriving.logs;
        drop(records);
        done(Ok(()));
        Ok(())
    }

    fn read(&self, from: u64, limit: ReadLimit) -> Result<Batch, StorageError> {
        let records = self.records();
        let bounds = records.bounds();
        let mut batch = Batch {
            bounds,
            records: Vec::new(),
        };
        if !(bounds.first..bounds.next).contains(&from) {
            return Ok(batch);
        }
        let mut bytes = 0_usize;
        for record in records.kept.range((from - bounds.first) as usize..) {
            bytes = bytes.saturating_add(record.group.len());
            let full = batch.records.len() == limit.groups || bytes > limit.bytes;
            if full && !batch.records.is_empty() {
                break;
            }
            batch.records.push(record.clone());
        }
        Ok(batch)
    }

    fn bounds(&self) -> Bounds {
        self.records().bounds()
    }

    fn arrived(&self) -> u64 {
        self.records().arrived
    }

    fn first_received_since(&self, time: SystemTime) -> Result<u64, StorageError> {
        let records = self.records();
        let older = records.kept.partition_point(|kept| kept.received < time);
        Ok(records.first + older as u64)
    }

    fn trim(&self, first: u64) -> Result<(), StorageError> {
        let mut records = self.records();
        let bounds = records.bounds();
        let gone = first.clamp(bounds.first, bounds.next) - bounds.first;
        let freed = records.kept.drain(..gone as usize).map(|gone| cost(&gone));
        self.budget.release(freed.sum());
        records.first += gone;
        Ok(())
    }
}

impl Drop for MemoryLog {
    fn drop(&mut self) {
        let freed = self.records().kept.iter().map(cost).sum();
        self.budget.release(freed);
    }
}

fn cost(record: &Record) -> usize {
    record.group.len() + RECORD_OVERHEAD
}

#[derive(Debug)]
struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    fn take(&self, bytes: usize) -> Result<(), StorageError> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.limit)
            })
            .map(|_| ())
            .map_err(|_| StorageError::Full { limit: self.limit })
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use bytes::Bytes;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Stores a group of so many bytes, received at so many seconds.
    fn append(log: &Arc<dyn ShardLog>, seconds: u64, len: usize) -> Result<(), StorageError> {
        let arriving = Arriving {
            received: at(seconds),
            group: Bytes::from(vec![0; len]),
            packed: None,
            logs: 1,
        };
        log.append(arriving, Box::new(|result| result.unwrap()))
    }

    const ALL: ReadLimit = ReadLimit {
        groups: 1000,
        bytes: usize::MAX,
    };

    fn log(limit: usize) -> (MemoryStorage, Arc<dyn ShardLog>) {
        let storage = MemoryStorage::new(limit);
        let log = storage.open(LogId(1), 100).unwrap();
        (storage, log)
    }

    #[test]
    fn positions_are_consecutive_from_the_base_and_never_reused() {
        let (_storage, log) = log(10_000);
        assert_eq!(
            log.bounds(),
            Bounds {
                first: 100,
                next: 100
            }
        );
        for position in 100..104 {
            assert_eq!(log.bounds().next, position);
            append(&log, 1, 1).unwrap();
        }
        log.trim(u64::MAX).unwrap();
        assert_eq!(
            log.bounds(),
            Bounds {
                first: 104,
                next: 104
            }
        );
        append(&log, 1, 1).unwrap();
        assert_eq!(log.bounds().next, 105);
    }

    #[test]
    fn a_full_budget_refuses_and_trimming_makes_room() {
        let (storage, log) = log(2 * (RECORD_OVERHEAD + 10));
        let other = storage.open(LogId(2), 0).unwrap();
        append(&log, 1, 10).unwrap();
        append(&other, 1, 10).unwrap();
        assert!(matches!(
            append(&log, 1, 0),
            Err(StorageError::Full { limit: 148 })
        ));
        log.trim(101).unwrap();
        append(&log, 2, 10).unwrap();
        drop(other);
        append(&log, 2, 10).unwrap();
    }

    #[test]
    fn one_group_is_read_even_when_it_is_over_the_byte_limit() {
        let (_storage, log) = log(10_000);
        for _ in 0..3 {
            append(&log, 1, 500).unwrap();
        }
        let read = |groups, bytes| {
            let limit = ReadLimit { groups, bytes };
            log.read(100, limit).unwrap().records.len()
        };
        assert_eq!(read(1000, 10), 1);
        assert_eq!(read(1000, 1000), 2);
        assert_eq!(read(2, usize::MAX), 2);
        assert_eq!(read(1000, usize::MAX), 3);
    }

    #[test]
    fn nothing_is_read_outside_the_bounds() {
        let (_storage, log) = log(10_000);
        append(&log, 1, 1).unwrap();
        append(&log, 1, 1).unwrap();
        log.trim(101).unwrap();
        for outside in [0, 100, 102, u64::MAX] {
            assert_eq!(log.read(outside, ALL).unwrap().records, []);
        }
        assert_eq!(log.read(101, ALL).unwrap().records.len(), 1);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_reach_the_receive_times() {
        let (_storage, log) = log(10_000);
        for seconds in [10, 5, 20] {
            append(&log, seconds, 1).unwrap();
        }
        let times = log.read(100, ALL).unwrap().records;
        assert_eq!(times[1].received, at(10));
        assert_eq!(log.first_received_since(at(6)).unwrap(), 100);
        assert_eq!(log.first_received_since(at(11)).unwrap(), 102);
        assert_eq!(log.first_received_since(at(21)).unwrap(), 103);
    }
}
