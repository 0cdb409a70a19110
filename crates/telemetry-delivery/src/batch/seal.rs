//! When a buffer is full. No clock and no lock; age is the worker's business.

/// How much one batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) bytes: usize,
    pub(super) items: usize,
}

impl Limits {
    /// Whether a buffer of `bytes` and `items` can take one more item of `len` bytes.
    ///
    /// An empty buffer takes everything: what is too large for a batch is refused before.
    #[inline]
    pub(super) fn admits(&self, bytes: usize, items: usize, len: usize) -> bool {
        items == 0 || (items < self.items && bytes + len <= self.bytes)
    }

    /// Whether a buffer of `bytes` and `items` should go without waiting for company.
    #[inline]
    pub(super) fn is_full(&self, bytes: usize, items: usize) -> bool {
        bytes >= self.bytes || items >= self.items
    }

    /// Whether two buffers may go as one.
    pub(super) fn fit_together(&self, one: (usize, usize), other: (usize, usize)) -> bool {
        one.0 + other.0 <= self.bytes && one.1 + other.1 <= self.items
    }
}

/// Where to cut items that end at `ends` into two parts of about the same size: how many go into
/// the first. `None` when there is only one.
pub(super) fn halve(ends: &[u32]) -> Option<usize> {
    if ends.len() < 2 {
        return None;
    }
    let half = ends.last().copied().unwrap_or(0) / 2;
    // At least one item on either side, whatever their sizes.
    Some(
        ends.partition_point(|end| *end <= half)
            .clamp(1, ends.len() - 1),
    )
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        bytes: 100,
        items: 3,
    };

    #[test]
    fn an_empty_buffer_takes_any_item() {
        assert!(LIMITS.admits(0, 0, 1000));
    }

    #[test]
    fn bytes_and_items_both_close_a_buffer() {
        assert!(LIMITS.admits(90, 1, 10));
        assert!(!LIMITS.admits(91, 1, 10));
        assert!(!LIMITS.admits(3, 3, 1));
        assert!(!LIMITS.is_full(99, 2));
        assert!(LIMITS.is_full(100, 1));
        assert!(LIMITS.is_full(3, 3));
    }

    #[test]
    fn one_item_cannot_be_halved() {
        assert_eq!(halve(&[]), None);
        assert_eq!(halve(&[10]), None);
    }

    #[test]
    fn a_large_item_at_either_end_is_parted_from_the_rest() {
        assert_eq!(halve(&[90, 95, 100]), Some(1));
        assert_eq!(halve(&[5, 10, 100]), Some(2));
    }

    proptest! {
        #[test]
        fn both_halves_have_items(sizes in prop::collection::vec(0u32..1000, 2..50)) {
            let ends: Vec<u32> = sizes
                .iter()
                .scan(0, |end, size| { *end += size; Some(*end) })
                .collect();
            let at = halve(&ends).unwrap();
            prop_assert!((1..ends.len()).contains(&at));
        }
    }
}
