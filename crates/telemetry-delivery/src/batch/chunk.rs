//! Items one behind the other in one piece of memory, and the memory's next use.

use super::sync::{Mutex, lock};

/// What an item takes beside its bytes, for its end and the slack of growing.
const ITEM_OVERHEAD: usize = 8;
/// What a batch takes beside its items: its entry, its list of ends, what the allocator adds.
///
/// Measured, with a little less than is taken, as where every record is a batch of its own that is
/// most of it.
pub(super) const BATCH_OVERHEAD: usize = 512;
/// The first piece of memory that a buffer takes.
const FIRST_BYTES: usize = 1024;
/// What a buffer keeps close, see [`Filling`](super::filling::Filling): a few dozen records, and
/// a part of what the caches next to a core hold.
pub(super) const NEAR_BYTES: usize = 8 << 10;

/// Items and where each of them ends.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<u32>,
}

impl Chunk {
    /// What a batch of `items` items of `bytes` bytes in all counts for in the budget.
    #[inline]
    pub(super) fn cost_of(bytes: usize, items: usize) -> usize {
        bytes + items * ITEM_OVERHEAD + BATCH_OVERHEAD
    }

    /// What a batch of these items counts for in the budget.
    #[inline]
    pub(super) fn cost(&self) -> usize {
        Self::cost_of(self.items_len(), self.count())
    }

    #[inline]
    pub(super) fn items_len(&self) -> usize {
        self.ends.last().map_or(0, |end| *end as usize)
    }

    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Appends an item; memory grows by doubling, without passing `most` where it need not.
    #[inline]
    pub(crate) fn push(&mut self, item: &[u8], most: usize) {
        if self.bytes.capacity() - self.bytes.len() < item.len() {
            self.grow(item.len(), most);
        }
        self.bytes.extend_from_slice(item);
        // A batch is limited to less than this, see `BatchConfig::with_batch_bytes`.
        self.ends.push(self.bytes.len() as u32);
    }

    #[cold]
    fn grow(&mut self, len: usize, most: usize) {
        let needed = self.bytes.len() + len;
        let doubled = (self.bytes.capacity() * 2).max(FIRST_BYTES).min(most);
        self.bytes
            .reserve_exact(doubled.max(needed) - self.bytes.len());
    }

    /// Copies the items of another behind the own ones; memory grows as by [`push`](Self::push).
    pub(super) fn extend(&mut self, other: &Self, most: usize) {
        let base = self.bytes.len() as u32;
        let items = other.item_bytes();
        if self.bytes.capacity() - self.bytes.len() < items.len() {
            self.grow(items.len(), most);
        }
        self.bytes.extend_from_slice(items);
        self.ends.extend(other.ends.iter().map(|end| base + end));
    }

    /// Items `from..to` as a chunk of their own.
    pub(super) fn slice(&self, from: usize, to: usize) -> Self {
        let start = self.start(from);
        let end = self.start(to);
        Self {
            bytes: self.bytes[start..end].to_vec(),
            ends: self.ends[from..to]
                .iter()
                .map(|end| end - start as u32)
                .collect(),
        }
    }

    pub(crate) fn item_bytes(&self) -> &[u8] {
        &self.bytes[..self.items_len()]
    }

    pub(crate) fn items(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        (0..self.ends.len()).map(|index| &self.bytes[self.start(index)..self.start(index + 1)])
    }

    /// Where item `index` begins, which is where the one before it ends.
    fn start(&self, index: usize) -> usize {
        match index {
            0 => 0,
            _ => self.ends[index - 1] as usize,
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Memory of finished batches, kept for the next ones; bounded.
#[derive(Debug)]
pub(super) struct Pool {
    free: Mutex<Free>,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Free {
    near: Vec<Chunk>,
    far: Vec<Chunk>,
    bytes: usize,
}

impl Pool {
    /// Keeps at most `most_bytes`, in at most `most_chunks` pieces of either kind.
    pub(super) fn new(most_chunks: usize, most_bytes: usize) -> Self {
        Self {
            free: Mutex::new(Free {
                near: Vec::with_capacity(most_chunks),
                far: Vec::with_capacity(most_chunks),
                bytes: 0,
            }),
            most_bytes,
        }
    }

    /// Empty memory for a few items, warm when there is some.
    pub(super) fn take_near(&self) -> Chunk {
        let mut free = lock(&self.free);
        let chunk = free.near.pop().unwrap_or_default();
        free.bytes -= chunk.bytes.capacity();
        chunk
    }

    /// Empty memory for a batch of `bytes` bytes, warm when there is some.
    ///
    /// None of more than twice that: a batch of one record would hold the memory of a thousand, of
    /// which the budget knows nothing.
    pub(super) fn take_far(&self, bytes: usize) -> Chunk {
        let fits = bytes..=bytes.saturating_mul(2);
        let mut free = lock(&self.free);
        let best = free
            .far
            .iter()
            .enumerate()
            .filter(|(_, chunk)| fits.contains(&chunk.bytes.capacity()))
            .min_by_key(|(_, chunk)| chunk.bytes.capacity())
            .map(|(index, _)| index);
        match best {
            Some(index) => {
                let chunk = free.far.swap_remove(index);
                free.bytes -= chunk.bytes.capacity();
                chunk
            }
            None => {
                drop(free);
                Chunk {
                    bytes: Vec::with_capacity(bytes),
                    ends: Vec::new(),
                }
            }
        }
    }

    pub(super) fn put(&self, mut chunk: Chunk) {
        chunk.clear();
        let capacity = chunk.bytes.capacity();
        let mut free = lock(&self.free);
        let bytes = free.bytes + capacity;
        let kind = match capacity {
            0 => return,
            1..=NEAR_BYTES => &mut free.near,
            _ => &mut free.far,
        };
        if bytes <= self.most_bytes && kind.len() < kind.capacity() {
            kind.push(chunk);
            free.bytes = bytes;
        }
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(items: &[&str]) -> Chunk {
        let mut chunk = Chunk::default();
        for item in items {
            chunk.push(item.as_bytes(), 1 << 20);
        }
        chunk
    }

    fn texts(chunk: &Chunk) -> Vec<&str> {
        chunk
            .items()
            .map(|item| std::str::from_utf8(item).unwrap())
            .collect()
    }

    #[test]
    fn items_keep_their_ends_when_joined_and_cut() {
        let mut all = chunk(&["a", "", "bcd"]);
        all.extend(&chunk(&["ef", "g"]), 1 << 20);
        assert_eq!(texts(&all), ["a", "", "bcd", "ef", "g"]);
        assert_eq!(texts(&all.slice(1, 4)), ["", "bcd", "ef"]);
        assert_eq!(texts(&all.slice(0, 0)), [""; 0]);
    }

    #[test]
    fn bytes_behind_the_last_item_are_no_item() {
        let mut all = chunk(&["ab"]);
        all.bytes.extend_from_slice(b"trailer");
        assert_eq!(all.item_bytes(), b"ab");
        assert_eq!(all.cost(), 2 + ITEM_OVERHEAD + BATCH_OVERHEAD);
        let mut joined = chunk(&["x"]);
        joined.extend(&all, 1 << 20);
        assert_eq!(joined.bytes, b"xab");
    }

    #[test]
    fn memory_does_not_grow_past_a_batch_without_need() {
        let mut all = Chunk::default();
        while all.bytes.len() + 100 <= 10_000 {
            all.push(&[0; 100], 10_000);
        }
        assert!(all.bytes.capacity() <= 10_000, "{}", all.bytes.capacity());
    }

    #[test]
    fn the_pool_gives_back_memory_within_its_limits() {
        let pool = Pool::new(2, 60_000);
        let of = |bytes| Chunk {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::new(),
        };
        pool.put(of(70_000));
        assert_eq!(lock(&pool.free).bytes, 0, "more than it keeps");
        for _ in 0..3 {
            pool.put(of(4_000));
            pool.put(of(20_000));
        }
        let near: Vec<usize> = (0..3).map(|_| pool.take_near().bytes.capacity()).collect();
        assert_eq!(near, [4_000, 4_000, 0]);
        let far = [10_000, 20_000, 9_000].map(|bytes| pool.take_far(bytes).bytes.capacity());
        assert_eq!(far, [20_000, 20_000, 9_000]);
        assert_eq!(lock(&pool.free).bytes, 0);
    }

    #[test]
    fn a_small_batch_takes_no_memory_of_a_large_one() {
        let pool = Pool::new(2, 1 << 20);
        pool.put(Chunk {
            bytes: Vec::with_capacity(100_000),
            ends: Vec::new(),
        });
        assert_eq!(pool.take_far(20_000).bytes.capacity(), 20_000);
        assert_eq!(pool.take_far(60_000).bytes.capacity(), 100_000);
    }
}
