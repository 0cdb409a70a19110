//! One limit over everything in memory.

use std::collections::BTreeMap;
use std::task::Waker;

use super::sync::{AtomicUsize, Mutex, Ordering, fence, lock};

/// Bytes and items that are in memory: filling, sealed or in flight.
///
/// Buffers take room in grants of several items and give the rest back when they are sealed, so
/// that callers on several cores do not meet here for every item.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: Gauge,
    items: Gauge,
    waiting: AtomicUsize,
    waiters: Mutex<Waiters>,
}

/// Who waits for room, and no one else: a place is left when its wait is over.
#[derive(Debug, Default)]
struct Waiters {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

/// One wait for room, which [`Budget::waited`] ends.
#[derive(Debug)]
pub(super) struct Wait(u64);

#[derive(Debug)]
struct Gauge {
    used: AtomicUsize,
    limit: usize,
    grant: usize,
}

/// Room that a buffer has taken and not yet given back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) bytes: usize,
    pub(super) items: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize, items: Option<usize>) -> Self {
        Self {
            bytes: Gauge::new(bytes, 16 << 10),
            items: Gauge::new(items.unwrap_or(usize::MAX), 64),
            waiting: AtomicUsize::new(0),
            waiters: Mutex::new(Waiters::default()),
        }
    }

    /// Enlarges `grant` to hold at least `need`; `false` when there is no room.
    pub(super) fn extend(&self, grant: &mut Grant, need: Grant) -> bool {
        let items = need.items.saturating_sub(grant.items);
        if !self.items.has(items) {
            return false;
        }
        let bytes = need.bytes.saturating_sub(grant.bytes);
        let Some(bytes) = self.bytes.take(bytes) else {
            return false;
        };
        let Some(items) = self.items.take(items) else {
            // Somebody was quicker. Meanwhile another one may have found no bytes, and waits for
            // these; that this does not go around in circles is why there is a look before.
            self.give(Grant { bytes, items: 0 });
            return false;
        };
        grant.bytes += bytes;
        grant.items += items;
        true
    }

    /// Gives back what is no longer needed.
    pub(super) fn give(&self, grant: Grant) {
        if grant == Grant::default() {
            return;
        }
        self.bytes.give(grant.bytes);
        self.items.give(grant.items);
        // With the fence in `wait`: either the waiter finds the room or this finds the waiter.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            let woken = std::mem::take(&mut lock(&self.waiters).wakers);
            for waker in woken.into_values() {
                waker.wake();
            }
        }
    }

    /// Takes room whether or not there is any, for what has to be read to be got rid of.
    #[cfg(feature = "spool")]
    pub(super) fn force(&self, need: Grant) {
        self.bytes.used.fetch_add(need.bytes, Ordering::SeqCst);
        self.items.used.fetch_add(need.items, Ordering::SeqCst);
    }

    /// How much of the limit is in use, in 256ths: of bytes or items, whichever is nearer to it.
    #[cfg(feature = "spool")]
    pub(super) fn level(&self) -> usize {
        let level = |gauge: &Gauge| {
            let used = gauge.used.load(Ordering::Relaxed) as u128;
            (used * 256 / gauge.limit.max(1) as u128).min(256) as usize
        };
        level(&self.bytes).max(level(&self.items))
    }

    /// Has `waker` called when there is room again. The caller looks once more afterwards.
    pub(super) fn wait(&self, waker: &Waker) -> Wait {
        let mut waiters = lock(&self.waiters);
        let place = waiters.next;
        waiters.next += 1;
        waiters.wakers.insert(place, waker.clone());
        drop(waiters);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        Wait(place)
    }

    /// Ends one [`wait`](Self::wait).
    pub(super) fn waited(&self, wait: &Wait) {
        let waker = lock(&self.waiters).wakers.remove(&wait.0);
        // Not under the lock.
        drop(waker);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Bytes in use, what is granted and not yet filled included.
    pub(super) fn used_bytes(&self) -> usize {
        self.bytes.used.load(Ordering::Relaxed)
    }
}

impl Gauge {
    fn new(limit: usize, largest_grant: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit,
            grant: (limit / 256).clamp(1, largest_grant),
        }
    }

    fn has(&self, need: usize) -> bool {
        need <= self.limit.saturating_sub(self.used.load(Ordering::Relaxed))
    }

    /// Takes `need`, or more in advance where there is plenty.
    fn take(&self, need: usize) -> Option<usize> {
        if need == 0 {
            return Some(0);
        }
        // Only the number itself is shared, so no ordering is needed.
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let free = self.limit.saturating_sub(used);
            if need > free {
                return None;
            }
            // In advance only up to half: what many buffers hold and do not use is not to be
            // what another one lacks.
            let spare = (self.limit / 2).saturating_sub(used);
            let amount = need.max(self.grant.min(spare));
            match self.used.compare_exchange_weak(
                used,
                used + amount,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(amount),
                Err(now) => used = now,
            }
        }
    }

    fn give(&self, amount: usize) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    fn need(bytes: usize, items: usize) -> Grant {
        Grant { bytes, items }
    }

    #[test]
    fn the_limit_is_exact_whatever_the_grants() {
        let budget = Budget::new(1000, None);
        let mut grant = Grant::default();
        for step in 1..=100 {
            assert!(budget.extend(&mut grant, need(step * 10, step)));
            assert!(budget.used_bytes() <= 1000);
        }
        assert!(!budget.extend(&mut grant, need(1001, 101)));
    }

    #[test]
    fn a_lack_of_items_takes_no_bytes() {
        let budget = Budget::new(1000, Some(2));
        let mut grant = Grant::default();
        assert!(budget.extend(&mut grant, need(10, 2)));
        let before = budget.used_bytes();
        assert!(!budget.extend(&mut grant, need(500, 3)));
        assert_eq!(budget.used_bytes(), before);
    }

    #[test]
    fn who_waits_no_longer_leaves_nothing_behind() {
        let budget = Budget::new(1, None);
        for _ in 0..100 {
            let wait = budget.wait(Waker::noop());
            budget.waited(&wait);
        }
        assert!(lock(&budget.waiters).wakers.is_empty());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(100, Some(1));
        for _ in 0..3 {
            let mut grant = Grant::default();
            assert!(budget.extend(&mut grant, need(100, 1)));
            budget.give(grant);
        }
        assert_eq!(budget.used_bytes(), 0);
    }
}
