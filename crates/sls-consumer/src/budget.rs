//! How much is read ahead and how many calls are under way, over all shards together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What permits count.
const UNIT: usize = 1024;
/// What a pull is expected to bring when nothing is known of its shard.
const FIRST_GUESS: usize = 64 * UNIT;

/// Shares room and calls among shards, first come, first served.
///
/// A pull reserves what the last one of its shard brought. An answer that is larger goes into
/// debt, which what is given back pays first: at most one answer for each call is held beyond
/// the budget.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u32,
    room: Arc<Semaphore>,
    /// Half of the room: what is read ahead never keeps shards with nothing in hand waiting.
    ahead: Arc<Semaphore>,
    debt: AtomicU32,
    calls: Arc<Semaphore>,
}

impl Budget {
    pub(crate) fn new(bytes: usize, calls: usize) -> Arc<Self> {
        let total = units(bytes);
        let permits = total as usize;
        Arc::new(Self {
            total,
            room: Arc::new(Semaphore::new(permits)),
            ahead: Arc::new(Semaphore::new(permits.div_ceil(2))),
            debt: AtomicU32::new(0),
            calls: Arc::new(Semaphore::new(calls.max(1))),
        })
    }

    /// Waits until a pull may be sent.
    ///
    /// `expected` is the size of the shard's last answer, 0 when there was none; `is_ahead`
    /// says that the shard has a batch in hand.
    pub(crate) async fn admit(self: &Arc<Self>, expected: usize, is_ahead: bool) -> Admission {
        let guess = if expected == 0 { FIRST_GUESS } else { expected };
        let ahead = match is_ahead {
            true => {
                let wanted = units(guess).min(self.total.div_ceil(2));
                Arc::clone(&self.ahead)
                    .acquire_many_owned(wanted)
                    .await
                    .ok()
            }
            false => None,
        };
        let reserved = units(guess).min(self.total);
        // The semaphores are never closed, so there always is a permit.
        if let Ok(permit) = self.room.acquire_many(reserved).await {
            permit.forget();
        }
        let held = Held {
            budget: Arc::clone(self),
            units: reserved,
        };
        let call = Arc::clone(&self.calls).acquire_owned().await.ok();
        Admission {
            held,
            _ahead: ahead,
            _call: call,
        }
    }

    /// Takes what is free and owes the rest.
    fn take_now(&self, units: u32) {
        let free = u32::try_from(self.room.available_permits()).unwrap_or(u32::MAX);
        let taken = match self.room.try_acquire_many(units.min(free)) {
            Ok(permit) => {
                permit.forget();
                units.min(free)
            }
            // Somebody was quicker.
            Err(_) => 0,
        };
        self.debt.fetch_add(units - taken, Ordering::AcqRel);
    }

    fn give_back(&self, units: u32) {
        let pay = |debt: u32| Some(debt.saturating_sub(units));
        let before = self
            .debt
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, pay);
        let paid = before.unwrap_or_else(|debt| debt).min(units);
        self.room.add_permits((units - paid) as usize);
    }
}

/// Leave to send a pull.
#[derive(Debug)]
pub(crate) struct Admission {
    held: Held,
    _ahead: Option<OwnedSemaphorePermit>,
    _call: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// The answer is there and has this size.
    pub(crate) fn arrived(self, bytes: usize) -> Held {
        let Self { mut held, .. } = self;
        let needed = match bytes {
            0 => 0,
            bytes => units(bytes),
        };
        if needed <= held.units {
            held.budget.give_back(held.units - needed);
        } else {
            held.budget.take_now(needed - held.units);
        }
        held.units = needed;
        held
    }
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    units: u32,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.units);
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn free(budget: &Budget) -> usize {
        budget.room.available_permits()
    }

    #[tokio::test]
    async fn an_answer_beyond_the_reservation_is_paid_back_first() {
        let budget = Budget::new(100 * UNIT, 4);
        let held = budget.admit(10 * UNIT, false).await.arrived(150 * UNIT);
        assert_eq!((free(&budget), budget.debt.load(Ordering::SeqCst)), (0, 50));
        drop(held);
        assert_eq!(
            (free(&budget), budget.debt.load(Ordering::SeqCst)),
            (100, 0)
        );
    }

    #[tokio::test]
    async fn a_full_budget_holds_the_next_pull_back() {
        let budget = Budget::new(100 * UNIT, 4);
        let held = budget.admit(0, false).await.arrived(90 * UNIT);
        assert!(budget.admit(20 * UNIT, false).now_or_never().is_none());
        assert!(budget.admit(10 * UNIT, false).now_or_never().is_some());
        drop(held);
        assert!(budget.admit(20 * UNIT, false).now_or_never().is_some());
        assert_eq!(free(&budget), 100);
    }

    #[tokio::test]
    async fn reading_ahead_leaves_half_to_shards_with_nothing_in_hand() {
        let budget = Budget::new(100 * UNIT, 9);
        let ahead = budget.admit(50 * UNIT, true).await;
        assert!(budget.admit(UNIT, true).now_or_never().is_none());
        assert!(budget.admit(50 * UNIT, false).now_or_never().is_some());
        drop(ahead);
    }

    #[tokio::test]
    async fn calls_are_counted_apart_from_bytes() {
        let budget = Budget::new(100 * UNIT, 1);
        let first = budget.admit(UNIT, false).await;
        assert!(budget.admit(UNIT, false).now_or_never().is_none());
        let held = first.arrived(UNIT);
        assert!(budget.admit(UNIT, false).now_or_never().is_some());
        drop(held);
    }
}
