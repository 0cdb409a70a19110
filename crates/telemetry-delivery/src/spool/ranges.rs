//! Sets of sequence numbers that mostly follow one another.

use std::collections::BTreeMap;

/// A set of numbers, kept as the ranges they form.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct RangeSet {
    /// First number to the one after the last; ranges neither touch nor overlap.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    pub(super) fn contains(&self, number: u64) -> bool {
        self.ranges
            .range(..=number)
            .next_back()
            .is_some_and(|(_, end)| number < *end)
    }

    /// Adds the numbers from `first` up to and without `end`.
    pub(super) fn insert(&mut self, mut first: u64, mut end: u64) {
        if first >= end {
            return;
        }
        while let Some((&start, &stop)) = self.ranges.range(..=end).next_back() {
            if stop < first {
                break;
            }
            first = first.min(start);
            end = end.max(stop);
            self.ranges.remove(&start);
        }
        self.ranges.insert(first, end);
    }

    /// The ranges in ascending order: first number, and the one after the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(first, end)| (*first, *end))
    }

    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }
}

/// Records of one segment that nobody holds, as ranges with the place of their first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    ranges: BTreeMap<u64, Stretch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The lowest sequence it may hold.
    pub(super) first: u64,
    /// The highest.
    pub(super) last: u64,
    /// Where reading begins.
    pub(super) offset: u64,
}

impl Waiting {
    /// Everything from `offset` on, whatever it is.
    pub(super) fn all_from(first: u64, offset: u64) -> Self {
        let mut waiting = Self::default();
        waiting.put(Stretch {
            first,
            last: u64::MAX,
            offset,
        });
        waiting
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The stretch with the lowest sequences.
    pub(super) fn first(&self) -> Option<Stretch> {
        self.ranges.values().next().copied()
    }

    /// Takes away the stretch with the lowest sequences.
    pub(super) fn take_first(&mut self) -> Option<Stretch> {
        self.ranges.pop_first().map(|(_, stretch)| stretch)
    }

    /// Puts back what is left of a stretch.
    pub(super) fn put(&mut self, stretch: Stretch) {
        self.ranges.insert(stretch.first, stretch);
    }

    /// Adds one record, which lies at `offset`.
    pub(super) fn add(&mut self, sequence: u64, offset: u64) {
        let mut stretch = Stretch {
            first: sequence,
            last: sequence,
            offset,
        };
        if let Some(next) = sequence.checked_add(1) {
            if let Some(after) = self.ranges.remove(&next) {
                stretch.last = after.last;
            }
        }
        if let Some((_, before)) = self.ranges.range_mut(..sequence).next_back() {
            if before.last.checked_add(1) == Some(sequence) {
                before.last = stretch.last;
                return;
            }
        }
        self.put(stretch);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_set_is_the_set_of_its_numbers(
            inserts in prop::collection::vec((0_u64..60, 0_u64..8), 0..20)
        ) {
            let mut ours = RangeSet::default();
            let mut theirs = BTreeSet::new();
            for (first, length) in inserts {
                ours.insert(first, first + length);
                theirs.extend(first..first + length);
            }
            for number in 0..70 {
                prop_assert_eq!(ours.contains(number), theirs.contains(&number));
            }
            // The ranges are as few as they can be: no two of them touch.
            let ranges: Vec<_> = ours.iter().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }

        #[test]
        fn records_that_follow_one_another_form_one_stretch(
            order in Just((0_u64..12).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let mut waiting = Waiting::default();
            for sequence in order {
                waiting.add(sequence, sequence * 100);
            }
            let all = Stretch { first: 0, last: 11, offset: 0 };
            prop_assert_eq!(waiting.take_first(), Some(all));
            prop_assert!(waiting.is_empty());
        }
    }

    #[test]
    fn the_largest_number_does_not_overflow() {
        let mut waiting = Waiting::all_from(5, 500);
        waiting.add(u64::MAX, 900);
        waiting.add(4, 400);
        assert_eq!(
            waiting.first(),
            Some(Stretch {
                first: 4,
                last: u64::MAX,
                offset: 400
            })
        );
        let mut set = RangeSet::default();
        set.insert(3, u64::MAX);
        set.insert(0, 3);
        assert_eq!(set.iter().collect::<Vec<_>>(), [(0, u64::MAX)]);
    }
}
