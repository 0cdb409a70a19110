//! What a buffer holds: the newest items close by, the others behind them.

use std::sync::Arc;

use super::budget::Grant;
use super::chunk::{Chunk, NEAR_BYTES};
use super::receipt::{Fate, Receipt};
use super::shard::{Surroundings, Taken};

/// Items on their way to becoming a batch.
///
/// The memory of a batch was last read by the thread that delivered the one before, so that
/// writing to it waits for another core or for main memory. Therefore items go first to a few
/// kilobytes that only callers touch, and from there to the batch many at a time: one call in some
/// dozens waits, and all of them together less, as one long copy overlaps what many short ones
/// wait for one by one.
#[derive(Debug)]
pub(super) struct Filling {
    /// The newest.
    near: Chunk,
    /// Those before.
    far: Chunk,
    bytes: usize,
    items: usize,
    /// Room in the budget for all of it and some more.
    grant: Grant,
    fate: Option<Arc<Fate>>,
    /// How large the batch before became, by which the memory for the next one is chosen.
    before: usize,
    pub(super) open: bool,
}

impl Filling {
    pub(super) fn new(open: bool) -> Self {
        Self {
            near: Chunk::default(),
            far: Chunk::default(),
            bytes: 0,
            items: 0,
            grant: Grant::default(),
            fate: None,
            before: 0,
            open,
        }
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Takes room for one more item of `len` bytes; `false` when there is none.
    #[inline]
    pub(super) fn make_room(&mut self, len: usize, around: Surroundings<'_>) -> bool {
        let need = Grant {
            bytes: Chunk::cost_of(self.bytes + len, self.items + 1),
            items: self.items + 1,
        };
        (need.bytes <= self.grant.bytes && need.items <= self.grant.items)
            || around.budget.extend(&mut self.grant, need)
    }

    #[inline]
    pub(super) fn push(&mut self, item: &[u8], around: Surroundings<'_>) {
        self.bytes += item.len();
        self.items += 1;
        let near = self.near.bytes.len() + item.len();
        if near > self.near.bytes.capacity() {
            if near > NEAR_BYTES {
                self.move_on(around);
                if item.len() > NEAR_BYTES / 2 {
                    self.far.push(item, around.limits.bytes);
                    return;
                }
            }
            if self.near.count() == 0 && self.near.bytes.capacity() == 0 {
                // Only now, so that a lane at rest holds no memory.
                self.near = around.pool.take_near();
            }
        }
        self.near.push(item, NEAR_BYTES);
    }

    /// Makes the near memory free for the next ones.
    #[cold]
    fn move_on(&mut self, around: Surroundings<'_>) {
        let most = around.limits.bytes;
        if self.far.count() == 0 {
            // Rounded, so that batches of about the same size use the same memory in turns.
            let expected = self.before.max(2 * NEAR_BYTES).next_power_of_two();
            self.far = around.pool.take_far(expected.min(most.max(2 * NEAR_BYTES)));
        }
        self.far.extend(&self.near, most);
        self.near.clear();
    }

    /// Hands on what is there; gives the room that it did not use.
    pub(super) fn seal(&mut self, around: Surroundings<'_>, seal: &mut impl FnMut(Taken)) -> Grant {
        let grant = std::mem::take(&mut self.grant);
        if self.items == 0 {
            return grant;
        }
        let chunk = if self.far.count() == 0 {
            std::mem::take(&mut self.near)
        } else {
            self.move_on(around);
            std::mem::take(&mut self.far)
        };
        let used = Grant {
            bytes: chunk.cost(),
            items: chunk.count(),
        };
        self.before = self.bytes;
        (self.bytes, self.items) = (0, 0);
        seal(Taken {
            chunk,
            fate: self.fate.take(),
        });
        Grant {
            bytes: grant.bytes - used.bytes,
            items: grant.items - used.items,
        }
    }

    /// Gives away memory that nothing is in.
    pub(super) fn rest(&mut self) -> Option<Chunk> {
        (self.items == 0 && self.near.bytes.capacity() > 0).then(|| std::mem::take(&mut self.near))
    }

    /// For the item that is pushed next.
    pub(super) fn receipt(&mut self) -> Receipt {
        let index = self.items as u32;
        let fate = self.fate.get_or_insert_with(Arc::default);
        Receipt::new(Arc::clone(fate), index)
    }
}
