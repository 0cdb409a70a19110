//! What callers and the worker say to each other about the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::append::Rejected;
use super::config::{BatchConfig, Overflow};
use super::engine::Engine;
use super::signal::Latch;
use super::storage::{SPILL_ABOVE, Stored};
use crate::spool::Fsync;

/// How long closing may take beyond its deadline, to write what is left.
const GRACE: Duration = Duration::from_secs(1);

/// What callers leave for the worker.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: std::sync::Mutex<Asked>,
    done: std::sync::Mutex<Vec<Stored>>,
    /// What went wrong before there was a worker to tell of it.
    trouble: std::sync::Mutex<Option<Arc<str>>>,
    /// The worker has been told that batches should leave memory.
    pressed: AtomicBool,
}

#[derive(Debug, Default)]
struct Asked {
    commit: Option<Arc<Commit>>,
    closed: bool,
}

/// Everything appended before it was asked for is durable, or could not be made so.
#[derive(Debug, Default)]
pub(super) struct Commit {
    ended: Latch,
    failed: AtomicBool,
}

impl Commit {
    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.ended.wait_until(deadline)
    }

    fn end(&self, works: bool) {
        if !self.ended.is_set() {
            self.failed.store(!works, Ordering::Release);
            self.ended.set();
        }
    }

    fn result(&self) -> Result<(), Rejected> {
        if self.ended.is_set() && !self.failed.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Rejected::NotStored)
        }
    }
}

/// Ends a [`Commit`] in any case; one that is dropped was not kept.
#[derive(Debug)]
pub(super) struct Promise(Arc<Commit>);

impl Promise {
    pub(super) fn keep(self, works: bool) {
        self.0.end(works);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.end(false);
    }
}

impl Desk {
    /// Who waits for everything to be durable.
    pub(super) fn take_asked(&self) -> Option<Promise> {
        unpoisoned(&self.asked).commit.take().map(Promise)
    }

    /// What need not be on disk any more.
    pub(super) fn take_done(&self) -> Vec<Stored> {
        std::mem::take(&mut *unpoisoned(&self.done))
    }

    /// Keeps what went wrong while there is no worker to tell of it.
    pub(super) fn put_trouble(&self, cause: Arc<str>) {
        *unpoisoned(&self.trouble) = Some(cause);
    }

    pub(super) fn take_trouble(&self) -> Option<Arc<str>> {
        unpoisoned(&self.trouble).take()
    }

    /// The worker looks whether batches should leave memory.
    pub(super) fn looked(&self) {
        self.pressed.store(false, Ordering::Relaxed);
    }

    /// What is on disk there need not be there any more.
    pub(super) fn done(&self, mut stored: Vec<Stored>) {
        if !stored.is_empty() {
            unpoisoned(&self.done).append(&mut stored);
        }
    }

    fn ask(&self) -> Option<Arc<Commit>> {
        let mut asked = unpoisoned(&self.asked);
        (!asked.closed).then(|| Arc::clone(asked.commit.get_or_insert_default()))
    }

    /// Nothing becomes durable any more.
    pub(super) fn close(&self) {
        let mut asked = unpoisoned(&self.asked);
        asked.closed = true;
        if let Some(commit) = asked.commit.take() {
            commit.end(false);
        }
    }
}

impl BatchConfig {
    /// Whether appending waits for the disk.
    pub(super) fn is_durable(&self) -> bool {
        matches!(&self.spool, Some((_, spool)) if spool.fsync() == Fsync::EveryRecord)
    }

    pub(super) fn time_to_store(&self, deadline: Option<Instant>) -> Option<Instant> {
        match deadline {
            Some(deadline) if self.spool.is_some() => Some(deadline.max(Instant::now() + GRACE)),
            deadline => deadline,
        }
    }
}

impl Engine {
    /// Waits until what this thread has appended is durable.
    pub(super) fn wait_until_stored(&self) -> Result<(), Rejected> {
        let commit = self.ask_to_store().ok_or(Rejected::NotStored)?;
        self.wake();
        // As long as the worker may be kept busy.
        commit.wait_until(Instant::now().checked_add(self.config.attempt_timeout));
        commit.result()
    }

    /// The same, without blocking.
    pub(super) async fn until_stored(&self) -> Result<(), Rejected> {
        let commit = self.ask_to_store().ok_or(Rejected::NotStored)?;
        self.wake();
        let ended = std::future::poll_fn(|context| commit.ended.poll(context));
        let limit = Instant::now().checked_add(self.config.attempt_timeout);
        self.before(limit, ended).await;
        commit.result()
    }

    /// Has everything that is here written to disk; nothing where there is no spool.
    pub(super) fn ask_to_store(&self) -> Option<Arc<Commit>> {
        self.config.spool.as_ref()?;
        self.storage.ask()
    }

    /// Whether the worker should make room in memory, and has not been told so.
    pub(super) fn wants_to_spill(&self) -> bool {
        matches!(self.config.overflow, Overflow::Spill(_))
            && self.budget.level() > SPILL_ABOVE
            && !self.storage.pressed.swap(true, Ordering::Relaxed)
    }
}

fn unpoisoned<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
