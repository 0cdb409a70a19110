//! How much is held and how many calls are under way, over all shards together.

mod room; // who has how much, and who gets the next (pure)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

pub(crate) use room::ShareId;

use room::Room;

/// What room is counted in, in bytes.
const UNIT: usize = 1024;
/// What a pull is expected to bring when nothing is known of its shard.
const FIRST_GUESS: usize = 64 * UNIT;

/// Shares room and calls among shards.
///
/// A pull reserves what the last one of its shard brought, and its batch keeps the room until it
/// is dropped. An answer that is larger than what was reserved is held when there is room for
/// it; otherwise it is dropped, and pulled again once there is. So no more is held than the
/// budget, except for one batch alone that is larger.
///
/// Shards with nothing in hand come first, in the order in which they asked. As long as one of
/// them waits, nothing is read ahead, and their tasks give back what they hold and nobody works
/// on: batches that wait for their next attempt, and those behind a slow one. So a shard that
/// fails for ever keeps no other from its turn.
#[derive(Debug)]
pub(crate) struct Budget {
    queue: Mutex<Queue>,
    /// Whether a shard with nothing in hand waits for room.
    wanted: watch::Sender<bool>,
    calls: Arc<Semaphore>,
}

#[derive(Debug)]
struct Queue {
    room: Room,
    waiting: HashMap<ShareId, oneshot::Sender<()>>,
}

impl Budget {
    pub(crate) fn new(bytes: usize, calls: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue {
                room: Room::new(units(bytes)),
                waiting: HashMap::new(),
            }),
            wanted: watch::Sender::new(false),
            calls: Arc::new(Semaphore::new(calls.max(1))),
        })
    }

    /// Asks for room for a pull, from this moment on.
    ///
    /// `expected` is the size of the shard's last answer, 0 when there was none; `is_ahead`
    /// says that the shard has a batch in hand.
    pub(crate) fn claim(self: &Arc<Self>, expected: usize, is_ahead: bool) -> Claim {
        let guess = if expected == 0 { FIRST_GUESS } else { expected };
        let (sender, granted) = oneshot::channel();
        let id = self.with(|queue| {
            let id = queue.room.ask(units(guess), is_ahead);
            queue.waiting.insert(id, sender);
            id
        });
        let budget = Arc::clone(self);
        Claim {
            held: Held { budget, id },
            granted,
        }
    }

    /// The shard of this share has nothing else in hand.
    pub(crate) fn hand_over(&self, id: ShareId) {
        self.with(|queue| queue.room.hand_over(id));
    }

    /// Returns while a shard with nothing in hand waits for room.
    pub(crate) async fn wanted(&self) {
        // The sender is this budget's own, so it does not go away.
        let _ = self.wanted.subscribe().wait_for(|wanted| *wanted).await;
    }

    /// Changes the queue, and tells those whose turn has come by that.
    fn with<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut queue);
        while let Some(id) = queue.room.next() {
            if let Some(waiting) = queue.waiting.remove(&id) {
                // Whoever does not wait any more is about to release it.
                let _ = waiting.send(());
            }
        }
        let is_wanted = queue.room.is_wanted();
        self.wanted
            .send_if_modified(|wanted| std::mem::replace(wanted, is_wanted) != is_wanted);
        changed
    }
}

/// Room that was asked for. Dropping it takes the question back.
#[derive(Debug)]
pub(crate) struct Claim {
    held: Held,
    granted: oneshot::Receiver<()>,
}

impl Claim {
    pub(crate) fn id(&self) -> ShareId {
        self.held.id
    }

    /// Waits until the pull may be sent.
    pub(crate) async fn admitted(self) -> Admission {
        let Self { held, granted } = self;
        // It is not dropped before it was told.
        let _ = granted.await;
        // Neither is the semaphore ever closed.
        let call = Arc::clone(&held.budget.calls).acquire_owned().await.ok();
        Admission { held, _call: call }
    }
}

/// Leave to send a pull.
#[derive(Debug)]
pub(crate) struct Admission {
    held: Held,
    _call: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// The answer is there and has this size; `None` when there is no room to hold it.
    pub(crate) fn arrived(self, bytes: usize) -> Option<Held> {
        let Self { held, .. } = self;
        let units = units(bytes);
        let id = held.id;
        let fits = held.budget.with(|queue| queue.room.resize(id, units));
        fits.then_some(held)
    }
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    id: ShareId,
}

impl Held {
    /// The batch is handed over, and so is not read ahead any more.
    pub(crate) fn hand_over(&self) {
        self.budget.hand_over(self.id);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let id = self.id;
        self.budget.with(|queue| {
            queue.waiting.remove(&id);
            queue.room.release(id);
        });
    }
}

/// At least one, since a batch of nothing takes room too.
fn units(bytes: usize) -> u64 {
    bytes.div_ceil(UNIT).max(1) as u64
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn admit(budget: &Arc<Budget>, bytes: usize, is_ahead: bool) -> Option<Admission> {
        budget.claim(bytes, is_ahead).admitted().now_or_never()
    }

    #[tokio::test]
    async fn a_full_budget_holds_the_next_pull_back() {
        let budget = Budget::new(100 * UNIT, 4);
        let held = admit(&budget, 0, false).unwrap().arrived(90 * UNIT);
        assert!(held.is_some());
        let mut next = Box::pin(budget.claim(20 * UNIT, false).admitted());
        assert!((&mut next).now_or_never().is_none());
        assert!(budget.wanted().now_or_never().is_some());
        drop(held);
        assert!(next.now_or_never().is_some());
        assert!(budget.wanted().now_or_never().is_none());
    }

    #[tokio::test]
    async fn what_is_dropped_while_it_waits_or_when_its_turn_has_just_come_is_free_again() {
        let budget = Budget::new(100 * UNIT, 4);
        let held = admit(&budget, 100 * UNIT, false)
            .unwrap()
            .arrived(100 * UNIT);
        let [first, second] = [(); 2].map(|()| budget.claim(100 * UNIT, false));
        drop(held);
        // It was granted and nobody has looked.
        drop(first);
        let second = second.admitted().now_or_never().unwrap();
        let third = budget.claim(100 * UNIT, false);
        drop(third);
        drop(second);
        assert!(admit(&budget, 100 * UNIT, false).is_some());
    }

    #[tokio::test]
    async fn an_answer_without_room_is_not_held_and_leaves_its_reservation() {
        let budget = Budget::new(100 * UNIT, 4);
        let _held = admit(&budget, 60 * UNIT, false).unwrap().arrived(60 * UNIT);
        let answer = admit(&budget, 10 * UNIT, true).unwrap();
        assert!(answer.arrived(50 * UNIT).is_none());
        assert!(admit(&budget, 40 * UNIT, false).is_some());
    }

    #[tokio::test]
    async fn calls_are_counted_apart_from_bytes() {
        let budget = Budget::new(100 * UNIT, 1);
        let first = admit(&budget, UNIT, false).unwrap();
        assert!(admit(&budget, UNIT, false).is_none());
        let held = first.arrived(UNIT);
        assert!(admit(&budget, UNIT, false).is_some());
        drop(held);
    }
}
