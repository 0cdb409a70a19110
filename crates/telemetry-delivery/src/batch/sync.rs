//! The primitives that threads share, in one place so that a model checker can take theirs.

#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(super) use std::thread_local;
#[cfg(not(loom))]
pub(super) use tokio::sync::Notify;

#[cfg(loom)]
pub(super) use crate::{local::thread_local, notify::Notify};
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
#[cfg(loom)]
pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks; what a panicking thread left behind is used as it is.
///
/// Nothing of a user's runs under a lock here, and every critical section leaves its data whole
/// at each step that could unwind.
#[inline]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
