//! What waits for the writer.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::{Changes, Done, LogId, StorageError};
use super::entry::Entry;
use super::log::LogState;

/// How many bytes of groups may wait. Then puts are refused until the disk has caught up.
const MAX_WAITING: usize = 64 << 20;
/// How many puts may wait.
const MAX_JOBS: usize = 16 << 10;
/// How much is committed together: enough to make the most of the disk, little enough not to
/// keep the first waiting for the last.
const MAX_TOGETHER: usize = 8 << 20;

/// Something to write.
pub(super) enum Job {
    Append {
        log: Arc<LogState>,
        entry: Entry,
        done: Done,
    },
    Change {
        changes: Changes,
        done: Done,
    },
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Append { entry, .. } => entry.bytes.len(),
            Self::Change { .. } => 0,
        }
    }

    fn refuse(self, error: StorageError) {
        match self {
            Self::Append { done, .. } | Self::Change { done, .. } => done(Err(error)),
        }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) enum Work {
    /// Write these, and delete something from this log if there is one.
    Jobs(Vec<Job>, Option<LogId>),
    /// Nothing came in the time that was given.
    Nothing,
    /// Everything is written, and nothing more will come.
    Over,
}

/// Jobs in the order in which they came. Bounded for puts; whoever hands in anything else
/// waits for it, so there are no more of those than threads.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Logs of which something is to be deleted, one entry each.
    purging: BTreeSet<LogId>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(purging: Vec<LogId>) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                bytes: 0,
                purging: purging.into_iter().collect(),
                closed: false,
            }),
            news: Condvar::new(),
        }
    }

    /// Takes a job, unless too much is waiting.
    pub(super) fn offer(&self, job: Job) -> Result<(), StorageError> {
        let bytes = job.bytes();
        let mut state = self.state();
        if state.closed {
            return Err(StorageError::Closed);
        }
        let full = state.bytes.saturating_add(bytes) > MAX_WAITING || state.jobs.len() >= MAX_JOBS;
        if full && !state.jobs.is_empty() {
            return Err(StorageError::Busy);
        }
        state.bytes += bytes;
        state.jobs.push_back(job);
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Takes a job, however much is waiting.
    pub(super) fn push(&self, job: Job) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return job.refuse(StorageError::Closed);
        }
        state.jobs.push_back(job);
        drop(state);
        self.news.notify_one();
    }

    /// Notes that something is to be deleted from a log.
    pub(super) fn purge(&self, log: LogId) {
        self.state().purging.insert(log);
        self.news.notify_one();
    }

    /// Takes no more; what is waiting is still written.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.news.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Waits for something to do, but no longer than this.
    pub(super) fn next(&self, patience: Duration) -> Work {
        let mut state = self.state();
        if state.is_idle() {
            let waited = self
                .news
                .wait_timeout_while(state, patience, |state| state.is_idle());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.jobs.is_empty() && state.closed {
            return Work::Over;
        }
        let mut jobs = Vec::new();
        let mut bytes = 0;
        while let Some(job) = state.jobs.front() {
            bytes += job.bytes();
            if bytes > MAX_TOGETHER && !jobs.is_empty() {
                break;
            }
            let Some(job) = state.jobs.pop_front() else {
                break;
            };
            state.bytes -= job.bytes();
            jobs.push(job);
        }
        let purging = state.purging.pop_first();
        match (jobs.is_empty(), purging) {
            (true, None) => Work::Nothing,
            (_, purging) => Work::Jobs(jobs, purging),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.purging.is_empty() && !self.closed
    }
}
