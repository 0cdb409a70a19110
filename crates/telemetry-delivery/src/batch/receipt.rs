//! What became of one item.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::drops::DropReason;
use super::fork;
use super::signal;

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
/// A future that needs no runtime of its own; [`wait`](Self::wait) blocks instead. Receipts of
/// items that travel together share one allocation.
///
/// # Cancel safety
/// Safe: dropping it changes nothing about the item, and a reference can be awaited again.
#[derive(Clone)]
pub struct Receipt {
    fate: Arc<Fate>,
    index: u32,
    epoch: u64,
}

impl Receipt {
    pub(super) fn new(fate: Arc<Fate>, index: u32) -> Self {
        Self {
            fate,
            index,
            epoch: fork::epoch(),
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

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if self.epoch != fork::epoch() {
            return Poll::Ready(Outcome::LeftToParent);
        }
        let mut state = self.fate.lock();
        if let Some(outcome) = state.of(self.index) {
            return Poll::Ready(outcome);
        }
        let waker = context.waker();
        if !state.wakers.iter().any(|(_, other)| other.will_wake(waker)) {
            state.wakers.push((self.index, waker.clone()));
        }
        Poll::Pending
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
    wakers: Vec<(u32, Waker)>,
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
    fn settle(&self, from: u32, to: u32, outcome: &Outcome) {
        let mut state = self.lock();
        state.known.push((from, to, outcome.clone()));
        // A waker stands for all receipts of its task, so every one is asked to look again.
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, FateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub(super) fn settle(&self, outcome: &Outcome) {
        self.fate
            .settle(self.origin, self.origin + self.len, outcome);
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
    use super::*;

    #[test]
    fn parts_of_a_cut_batch_have_fates_of_their_own() {
        let fate = Arc::new(Fate::default());
        let receipts: Vec<_> = (0..4).map(|i| Receipt::new(Arc::clone(&fate), i)).collect();
        // Behind two items of another buffer.
        let part = FatePart::whole(Arc::clone(&fate), 2, 4);
        let (left, right) = (part.slice(0, 3).unwrap(), part.slice(3, 6).unwrap());
        left.settle(&Outcome::Delivered);
        assert_eq!(receipts[0].outcome(), Some(Outcome::Delivered));
        assert_eq!(receipts[1].outcome(), None);
        right.slice(0, 1).unwrap().settle(&Outcome::Spooled);
        assert_eq!(receipts[1].outcome(), Some(Outcome::Spooled));
        assert_eq!(receipts[2].outcome(), None);
        let rest = right.slice(1, 3).unwrap();
        rest.settle(&Outcome::Dropped(DropReason::ShutDown));
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
}
