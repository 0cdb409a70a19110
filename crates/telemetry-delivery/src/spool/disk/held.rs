//! Lock files that this process holds open, where a child that is forked off finds its copies.
//!
//! A lock belongs to the open file, which a child shares: as long as the child has it open, the
//! lock outlives the parent, and nobody takes over what the parent left. The child cannot reach
//! what the parent's threads own, but it can reach these.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::fork;

/// How many locks a child lets go of; those beyond it keeps until it ends.
const PLACES: usize = 256;

static HELD: [Mutex<Option<File>>; PLACES] = [const { Mutex::new(None) }; PLACES];
/// Places from here on were never taken.
static USED: AtomicUsize = AtomicUsize::new(0);

/// A file that is open as long as this lives.
#[derive(Debug)]
pub(super) enum Held {
    At {
        place: usize,
        /// The process that opened it.
        epoch: u64,
    },
    /// No place was free.
    Apart(#[expect(dead_code, reason = "held open")] File),
}

impl Held {
    pub(super) fn new(file: File) -> Self {
        for (place, held) in HELD.iter().enumerate() {
            let Some(mut held) = try_lock(held) else {
                continue;
            };
            if held.is_none() {
                USED.fetch_max(place + 1, Ordering::Relaxed);
                *held = Some(file);
                let epoch = fork::epoch();
                return Self::At { place, epoch };
            }
        }
        Self::Apart(file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // In a copy of the process it has been closed, and the place may be another one's.
        if let Self::At { place, epoch } = *self {
            if epoch == fork::epoch() {
                let held = HELD[place].lock();
                drop(
                    held.unwrap_or_else(std::sync::PoisonError::into_inner)
                        .take(),
                );
            }
        }
    }
}

/// Closes what the parent held.
///
/// Runs in a child between `fork` and everything else, so it may not wait or allocate: it does no
/// more than compare, swap and close. A place that another thread was busy with stays as it is.
#[cfg(unix)]
pub(crate) fn let_go_in_child() {
    let used = USED.load(Ordering::Relaxed).min(PLACES);
    for held in &HELD[..used] {
        if let Some(mut held) = try_lock(held) {
            drop(held.take());
        }
    }
}

fn try_lock(held: &Mutex<Option<File>>) -> Option<MutexGuard<'_, Option<File>>> {
    match held.try_lock() {
        Ok(held) => Some(held),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
