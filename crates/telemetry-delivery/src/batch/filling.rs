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
        let chunk = if self.far.count() == 0 && self.bytes * 2 <= self.near.bytes.capacity() {
            // A few records are not to hold the memory of many for as long as they wait.
            let few = self.near.slice(0, self.items);
            self.near.clear();
            few
        } else if self.far.count() == 0 {
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

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::super::chunk::Pool;
    use super::super::seal::Limits;
    use super::*;

    const LIMITS: Limits = Limits {
        bytes: 1 << 20,
        items: 10_000,
    };

    fn sealed(filling: &mut Filling, items: &[Vec<u8>]) -> Chunk {
        let (budget, pool) = (Budget::new(1 << 30, None), Pool::new(4, 1 << 24));
        let around = Surroundings {
            limits: LIMITS,
            budget: &budget,
            pool: &pool,
        };
        for item in items {
            assert!(filling.make_room(item.len(), around));
            filling.push(item, around);
        }
        let mut chunk = None;
        let surplus = filling.seal(around, &mut |taken| chunk = Some(taken.chunk));
        let chunk = chunk.unwrap_or_default();
        assert_eq!(budget.used_bytes() - surplus.bytes, chunk.cost());
        chunk
    }

    #[test]
    fn items_of_any_size_keep_their_order_from_near_to_far() {
        let sizes = [
            0,
            1,
            300,
            0,
            NEAR_BYTES,
            5,
            NEAR_BYTES / 2 + 1,
            NEAR_BYTES + 1,
            0,
            7,
        ];
        let items: Vec<Vec<u8>> = (0..200)
            .map(|n| vec![n as u8; sizes[n % sizes.len()]])
            .collect();
        let mut filling = Filling::new(true);
        for _ in 0..2 {
            let chunk = sealed(&mut filling, &items);
            assert!(chunk.items().eq(items.iter().map(Vec::as_slice)));
            assert_eq!(filling.items(), 0);
        }
    }

    #[test]
    fn few_items_leave_with_memory_for_few() {
        let mut filling = Filling::new(true);
        let many = sealed(&mut filling, &vec![vec![1; 100]; 70]);
        assert!(many.bytes.capacity() <= NEAR_BYTES);
        for _ in 0..3 {
            let one = sealed(&mut filling, &[vec![1; 100]]);
            assert!(one.bytes.capacity() <= 200, "{}", one.bytes.capacity());
        }
    }

    #[test]
    fn the_memory_of_a_batch_follows_the_size_of_the_last_one() {
        let mut filling = Filling::new(true);
        let large = vec![vec![1; 1000]; 1000];
        sealed(&mut filling, &large);
        assert!(sealed(&mut filling, &large).bytes.capacity() >= 1_000_000);
        let small = vec![vec![1; 1000]; 20];
        sealed(&mut filling, &small);
        let after = sealed(&mut filling, &small).bytes.capacity();
        assert!((20_000..=80_000).contains(&after), "{after}");
    }
}
