//! Items one behind the other in one piece of memory, and the memory's next use.

use super::sync::{Mutex, lock};

/// What an item takes beside its bytes, for its end and the slack of growing.
const ITEM_OVERHEAD: usize = 8;
/// The first piece of memory that a buffer takes.
const FIRST_BYTES: usize = 4096;

/// Items and where each of them ends.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<u32>,
}

impl Chunk {
    /// What an item of `len` bytes counts for in the budget.
    #[inline]
    pub(super) fn cost_of(len: usize) -> usize {
        len + ITEM_OVERHEAD
    }

    /// What the items count for in the budget.
    #[inline]
    pub(super) fn cost(&self) -> usize {
        self.items_len() + self.ends.len() * ITEM_OVERHEAD
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

    /// Moves the items of another behind the own ones.
    pub(super) fn extend(&mut self, other: &Self) {
        let base = self.bytes.len() as u32;
        self.bytes.extend_from_slice(other.item_bytes());
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

    fn clear(&mut self) {
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
    chunks: Vec<Chunk>,
    bytes: usize,
}

impl Pool {
    /// Keeps at most `most_bytes` in at most `most_chunks` pieces.
    pub(super) fn new(most_chunks: usize, most_bytes: usize) -> Self {
        Self {
            free: Mutex::new(Free {
                chunks: Vec::with_capacity(most_chunks),
                bytes: 0,
            }),
            most_bytes,
        }
    }

    /// Empty memory, warm when there is some.
    pub(super) fn take(&self) -> Chunk {
        let mut free = lock(&self.free);
        let chunk = free.chunks.pop().unwrap_or_default();
        free.bytes -= chunk.bytes.capacity();
        chunk
    }

    pub(super) fn put(&self, mut chunk: Chunk) {
        chunk.clear();
        let mut free = lock(&self.free);
        let bytes = free.bytes + chunk.bytes.capacity();
        if chunk.bytes.capacity() > 0
            && bytes <= self.most_bytes
            && free.chunks.len() < free.chunks.capacity()
        {
            free.bytes = bytes;
            free.chunks.push(chunk);
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
        all.extend(&chunk(&["ef", "g"]));
        assert_eq!(texts(&all), ["a", "", "bcd", "ef", "g"]);
        assert_eq!(texts(&all.slice(1, 4)), ["", "bcd", "ef"]);
        assert_eq!(texts(&all.slice(0, 0)), [""; 0]);
    }

    #[test]
    fn bytes_behind_the_last_item_are_no_item() {
        let mut all = chunk(&["ab"]);
        all.bytes.extend_from_slice(b"trailer");
        assert_eq!(all.item_bytes(), b"ab");
        assert_eq!(all.cost(), 2 + ITEM_OVERHEAD);
        let mut joined = chunk(&["x"]);
        joined.extend(&all);
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
        let pool = Pool::new(2, 10_000);
        let large = Chunk {
            bytes: Vec::with_capacity(20_000),
            ends: Vec::new(),
        };
        pool.put(large);
        assert_eq!(
            pool.take().bytes.capacity(),
            0,
            "larger than all of the pool"
        );
        for _ in 0..3 {
            pool.put(chunk(&["abc"]));
        }
        let taken: Vec<usize> = (0..3).map(|_| pool.take().bytes.capacity()).collect();
        assert_eq!(taken, [4096, 4096, 0]);
    }
}
