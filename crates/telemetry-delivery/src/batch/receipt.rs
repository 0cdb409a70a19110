//! What became of one item.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::drops::DropReason;
use super::fork;
use super::signal::{self, wake_all};
use super::sync::{Mutex, MutexGuard, lock};

/// Why something went to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadReason {
    /// Larger than an item may be, here or on the other side.
    Oversized,
    /// Refused for good by the other side.
    Refused(Arc<str>),
    /// Not delivered within the time it had; what the last attempt said.
    Expired(Arc<str>),
    /// The sink panicked at it again and again.
    Panicked,
}

impl DeadReason {
    /// What it counts as when nobody takes dead letters.
    pub(super) fn as_drop(&self) -> DropReason {
        match self {
            Self::Oversized => DropReason::Oversized,
            Self::Refused(_) => DropReason::Refused,
            Self::Expired(_) => DropReason::Expired,
            Self::Panicked => DropReason::Panicked,
        }
    }
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversized => f.write_str("larger than an item may be"),
            Self::Refused(cause) => write!(f, "refused: {cause}"),
            Self::Expired(cause) => write!(f, "not delivered in time: {cause}"),
            Self::Panicked => f.write_str("the sink panicked"),
        }
    }
}

/// What became of an item in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The other side has it.
    Delivered,
    /// It is on disk and will be delivered, by this process or the next.
    Spooled,
    /// The dead letters have it.
    DeadLettered(DeadReason),
    /// It is gone, and counted.
    Dropped(DropReason),
    /// It was appended before this process was forked off, and is its parent's to deliver.
    LeftToParent,
}

/// Tells what became of one appended item, once that is known.
///
/// A future that needs no runtime of its own; [`wait`](Self::wait) blocks instead, as often as one
/// likes. Receipts of items that travel together share one allocation.
///
/// # Cancel safety
/// Safe: dropping it changes nothing about the item, and a reference can be awaited again.
pub struct Receipt {
    fate: Arc<Fate>,
    index: u32,
    epoch: u64,
    /// Where the waker of the task that awaits it stands, zero for nowhere.
    place: u64,
}

impl Receipt {
    pub(super) fn new(fate: Arc<Fate>, index: u32) -> Self {
        Self {
            fate,
            index,
            epoch: fork::epoch(),
            place: 0,
        }
    }

    /// What became of the item, `None` while that is open.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        // The lock below may be held for ever in a copy of this process.
        if self.epoch != fork::epoch() {
            return Some(Outcome::LeftToParent);
        }
        self.fate.lock().of(self.index)
    }

    /// Blocks until it is known or `timeout` is over.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<Outcome> {
        let deadline = Instant::now().checked_add(timeout);
        signal::block_on(self.clone(), deadline)
    }
}

impl Future for Receipt {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if self.epoch != fork::epoch() {
            return Poll::Ready(Outcome::LeftToParent);
        }
        let receipt = &mut *self;
        let mut state = receipt.fate.lock();
        if let Some(outcome) = state.of(receipt.index) {
            return Poll::Ready(outcome);
        }
        if receipt.place == 0 {
            state.places += 1;
            receipt.place = state.places;
        }
        let waker = context.waker().clone();
        let before = state.wakers.insert(receipt.place, (receipt.index, waker));
        drop(state);
        // Not under the lock.
        drop(before);
        Poll::Pending
    }
}

impl Clone for Receipt {
    /// Another one about the same item.
    fn clone(&self) -> Self {
        Self {
            fate: Arc::clone(&self.fate),
            index: self.index,
            epoch: self.epoch,
            place: 0,
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        // The lock may be held for ever in a copy of this process.
        if self.place != 0 && self.epoch == fork::epoch() {
            let waker = self.fate.lock().wakers.remove(&self.place);
            drop(waker);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("outcome", &self.outcome())
            .finish_non_exhaustive()
    }
}

/// What became of the items of one buffer, which receipts share.
#[derive(Debug, Default)]
pub(super) struct Fate {
    state: Mutex<FateState>,
}

#[derive(Debug, Default)]
struct FateState {
    // Ranges of items whose end is known; one, unless the batch was cut.
    known: Vec<(u32, u32, Outcome)>,
    /// Of the receipts that are being awaited, by place; with the item that each is about.
    wakers: BTreeMap<u64, (u32, Waker)>,
    /// The last place that was taken.
    places: u64,
}

impl FateState {
    fn of(&self, index: u32) -> Option<Outcome> {
        self.known
            .iter()
            .find(|(from, to, _)| (*from..*to).contains(&index))
            .map(|(.., outcome)| outcome.clone())
    }
}

impl Fate {
    fn settle(&self, from: u32, to: u32, outcome: &Outcome) -> Woken {
        let mut state = self.lock();
        state.known.push((from, to, outcome.clone()));
        let (woken, rest) = std::mem::take(&mut state.wakers)
            .into_iter()
            .partition(|(_, (index, _))| (from..to).contains(index));
        state.wakers = rest;
        Woken(woken)
    }

    fn lock(&self) -> MutexGuard<'_, FateState> {
        lock(&self.state)
    }
}

/// Those who waited for an outcome that is known now, and are to be woken.
#[derive(Debug, Default)]
#[must_use = "they sleep until they are woken"]
pub(super) struct Woken(BTreeMap<u64, (u32, Waker)>);

impl Woken {
    pub(super) fn wake(self) {
        wake_all(self.0.into_values().map(|(_, waker)| waker));
    }
}

/// The receipts of a part of a batch.
#[derive(Debug, Clone)]
pub(super) struct FatePart {
    fate: Arc<Fate>,
    /// Where the part begins in its buffer of origin.
    origin: u32,
    /// Where it begins in the batch.
    start: u32,
    len: u32,
}

impl FatePart {
    /// The whole of a buffer of `len` items that begins at `start` in the batch.
    pub(super) fn whole(fate: Arc<Fate>, start: usize, len: usize) -> Self {
        Self {
            fate,
            origin: 0,
            start: start as u32,
            len: len as u32,
        }
    }

    /// The same, in a batch whose items come behind `items` others.
    pub(super) fn behind(mut self, items: usize) -> Self {
        self.start += items as u32;
        self
    }

    /// Makes the outcome known. Who waits for it is woken by what this gives, which may be done
    /// later than here, where a lock is held.
    pub(super) fn settle(&self, outcome: &Outcome) -> Woken {
        self.fate
            .settle(self.origin, self.origin + self.len, outcome)
    }

    /// What of it lies among the items `from..to` of the batch, as a part of a batch of those.
    pub(super) fn slice(&self, from: usize, to: usize) -> Option<Self> {
        let (from, to) = (from as u32, to as u32);
        let start = self.start.max(from);
        let end = (self.start + self.len).min(to);
        (start < end).then(|| Self {
            fate: Arc::clone(&self.fate),
            origin: self.origin + (start - self.start),
            start: start - from,
            len: end - start,
        })
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[test]
    fn parts_of_a_cut_batch_have_fates_of_their_own() {
        let fate = Arc::new(Fate::default());
        let receipts: Vec<_> = (0..4).map(|i| Receipt::new(Arc::clone(&fate), i)).collect();
        // Behind two items of another buffer.
        let part = FatePart::whole(Arc::clone(&fate), 2, 4);
        let (left, right) = (part.slice(0, 3).unwrap(), part.slice(3, 6).unwrap());
        left.settle(&Outcome::Delivered).wake();
        assert_eq!(receipts[0].outcome(), Some(Outcome::Delivered));
        assert_eq!(receipts[1].outcome(), None);
        right.slice(0, 1).unwrap().settle(&Outcome::Spooled).wake();
        assert_eq!(receipts[1].outcome(), Some(Outcome::Spooled));
        assert_eq!(receipts[2].outcome(), None);
        let rest = right.slice(1, 3).unwrap();
        rest.settle(&Outcome::Dropped(DropReason::ShutDown)).wake();
        assert_eq!(
            receipts[3].outcome(),
            Some(Outcome::Dropped(DropReason::ShutDown))
        );
        assert!(part.slice(0, 2).is_none());
    }

    #[test]
    fn waiting_ends_with_the_time_it_was_given() {
        let fate = Arc::new(Fate::default());
        let receipt = Receipt::new(fate, 0);
        assert_eq!(receipt.wait(Duration::from_millis(1)), None);
    }

    #[test]
    fn waiting_again_and_again_leaves_nothing_behind() {
        let receipt = Receipt::new(Arc::new(Fate::default()), 0);
        for _ in 0..100 {
            assert_eq!(receipt.wait(Duration::ZERO), None);
        }
        assert!(receipt.fate.lock().wakers.is_empty());
    }

    #[test]
    fn one_that_is_awaited_by_many_tasks_in_turn_wakes_the_last() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let fate = Arc::new(Fate::default());
        let mut receipt = Receipt::new(Arc::clone(&fate), 1);
        let mut other = Receipt::new(Arc::clone(&fate), 2);
        let counts: Vec<_> = (0..3)
            .map(|_| Arc::new(Count(AtomicUsize::new(0))))
            .collect();
        for count in &counts {
            let waker = Waker::from(Arc::clone(count));
            let mut context = Context::from_waker(&waker);
            assert!(Pin::new(&mut receipt).poll(&mut context).is_pending());
        }
        assert!(
            Pin::new(&mut other)
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        fate.settle(0, 2, &Outcome::Delivered).wake();
        let woken: Vec<_> = counts
            .iter()
            .map(|it| it.0.load(Ordering::Relaxed))
            .collect();
        assert_eq!(woken, [0, 0, 1]);
        assert_eq!(fate.lock().wakers.len(), 1, "of what is still open");
        drop(other);
        assert!(fate.lock().wakers.is_empty());
    }
}
