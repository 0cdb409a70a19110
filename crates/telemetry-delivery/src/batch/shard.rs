//! The buffers that callers append to: one short lock each, swapped whole.

use std::sync::Arc;

use super::appended::Appended;
use super::budget::{Budget, Grant};
use super::chunk::{Chunk, Pool};
use super::filling::Filling;
use super::receipt::Fate;
use super::seal::Limits;
use super::sync::{Mutex, lock};

/// One buffer of a lane. Alone on its cache lines, since its neighbour is another thread's.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard(Mutex<Filling>);

/// What leaves a buffer.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) chunk: Chunk,
    pub(super) fate: Option<Arc<Fate>>,
}

/// What a buffer fills and where it goes to when it is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) limits: Limits,
    pub(super) budget: &'a Budget,
    pub(super) pool: &'a Pool,
}

#[derive(Debug)]
pub(super) enum Append<T> {
    Done(T),
    /// There is no room in the budget.
    Full,
    /// Nothing is taken any more.
    Closed,
}

impl Shard {
    pub(super) fn new(open: bool) -> Self {
        Self(Mutex::new(Filling::new(open)))
    }

    /// Copies an item in.
    ///
    /// A buffer that is full goes to `seal`, before or after. That happens under the lock, so that
    /// whoever looks into the buffers first and behind `seal` afterwards misses nothing.
    #[inline]
    pub(super) fn append<T: Appended>(
        &self,
        item: &[u8],
        around: Surroundings<'_>,
        mut seal: impl FnMut(Taken),
    ) -> Append<T> {
        let mut filling = lock(&self.0);
        if !filling.open {
            return Append::Closed;
        }
        let limits = around.limits;
        let mut surplus = Grant::default();
        if !limits.admits(filling.bytes(), filling.items(), item.len()) {
            surplus = filling.seal(around, &mut seal);
        }
        if !filling.make_room(item.len(), around) {
            drop(filling);
            around.budget.give(surplus);
            return Append::Full;
        }
        let told = T::from(|| filling.receipt());
        filling.push(item, around);
        if limits.is_full(filling.bytes(), filling.items()) {
            // At most one of the two seals gives anything back, unless one item fills a batch.
            let more = filling.seal(around, &mut seal);
            surplus.bytes += more.bytes;
            surplus.items += more.items;
        }
        drop(filling);
        if surplus != Grant::default() {
            around.budget.give(surplus);
        }
        Append::Done(told)
    }

    /// Takes out what is there, and with `close` lets nothing in afterwards.
    pub(super) fn take(&self, around: Surroundings<'_>, close: bool) -> Option<Taken> {
        let mut taken = None;
        self.take_to(around, close, |it| taken = Some(it));
        taken
    }

    /// The same; what is there goes to `seal` under the lock, so that nothing newer overtakes it.
    pub(super) fn take_to(
        &self,
        around: Surroundings<'_>,
        close: bool,
        mut seal: impl FnMut(Taken),
    ) {
        let mut filling = lock(&self.0);
        if close {
            filling.open = false;
        }
        let surplus = filling.seal(around, &mut seal);
        let memory = filling.rest();
        drop(filling);
        around.budget.give(surplus);
        if let Some(memory) = memory {
            around.pool.put(memory);
        }
    }

    /// How many items there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.0).items()
    }
}
