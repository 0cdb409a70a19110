//! The buffers that callers append to: one short lock each, swapped whole.

use std::sync::Arc;

use super::budget::{Budget, Grant};
use super::chunk::{Chunk, Pool};
use super::receipt::{Fate, Receipt};
use super::seal::Limits;
use super::sync::{Mutex, lock};

/// One buffer of a lane. Alone on its cache lines, since its neighbour is another thread's.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard(Mutex<Filling>);

#[derive(Debug)]
struct Filling {
    chunk: Chunk,
    /// Room in the budget for `chunk` and some more.
    grant: Grant,
    fate: Option<Arc<Fate>>,
    open: bool,
}

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
pub(super) enum Append {
    Done(Option<Receipt>),
    /// There is no room in the budget.
    Full,
    /// Nothing is taken any more.
    Closed,
}

impl Shard {
    pub(super) fn new(open: bool) -> Self {
        Self(Mutex::new(Filling {
            chunk: Chunk::default(),
            grant: Grant::default(),
            fate: None,
            open,
        }))
    }

    /// Copies an item in.
    ///
    /// A buffer that is full goes to `seal`, before or after. That happens under the lock, so that
    /// whoever looks into the buffers first and behind `seal` afterwards misses nothing.
    #[inline]
    pub(super) fn append(
        &self,
        item: &[u8],
        receipt: bool,
        around: Surroundings<'_>,
        mut seal: impl FnMut(Taken),
    ) -> Append {
        let mut filling = lock(&self.0);
        if !filling.open {
            return Append::Closed;
        }
        let mut surplus = Grant::default();
        let (bytes, items) = (filling.chunk.bytes.len(), filling.chunk.count());
        if !around.limits.admits(bytes, items, item.len()) {
            surplus = filling.seal(&mut seal);
        }
        let items = filling.chunk.count();
        let need = Grant {
            bytes: filling.chunk.cost() + Chunk::cost_of(item.len()),
            items: items + 1,
        };
        if (need.bytes > filling.grant.bytes || need.items > filling.grant.items)
            && !around.budget.extend(&mut filling.grant, need)
        {
            drop(filling);
            around.budget.give(surplus);
            return Append::Full;
        }
        if items == 0 && filling.chunk.bytes.capacity() == 0 {
            // Only now, so that a lane at rest holds no memory.
            filling.chunk = around.pool.take();
        }
        let receipt = receipt.then(|| filling.receipt());
        filling.chunk.push(item, around.limits.bytes);
        let (bytes, items) = (filling.chunk.bytes.len(), filling.chunk.count());
        if around.limits.is_full(bytes, items) {
            // At most one of the two seals gives anything back, unless one item fills a batch.
            let more = filling.seal(&mut seal);
            surplus.bytes += more.bytes;
            surplus.items += more.items;
        }
        drop(filling);
        if surplus != Grant::default() {
            around.budget.give(surplus);
        }
        Append::Done(receipt)
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
        let surplus = filling.seal(&mut seal);
        drop(filling);
        around.budget.give(surplus);
    }

    /// How many items there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.0).chunk.count()
    }
}

impl Filling {
    /// Hands on what is there; gives the room that it did not use.
    fn seal(&mut self, seal: &mut impl FnMut(Taken)) -> Grant {
        let grant = std::mem::take(&mut self.grant);
        if self.chunk.count() == 0 {
            return grant;
        }
        let used = Grant {
            bytes: self.chunk.cost(),
            items: self.chunk.count(),
        };
        seal(Taken {
            chunk: std::mem::take(&mut self.chunk),
            fate: self.fate.take(),
        });
        Grant {
            bytes: grant.bytes - used.bytes,
            items: grant.items - used.items,
        }
    }

    /// For the item that is pushed next.
    fn receipt(&mut self) -> Receipt {
        let index = self.chunk.count() as u32;
        let fate = self.fate.get_or_insert_with(Arc::default);
        Receipt::new(Arc::clone(fate), index)
    }
}
