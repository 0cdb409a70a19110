//! The 128-bit space of hash keys, and how shards divide it.

use sls_core::model::HashKey;

/// The keys from `begin` on, up to but without `end`; the highest key of all belongs to
/// the range that ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) begin: HashKey,
    pub(crate) end: HashKey,
}

impl KeyRange {
    /// The whole space.
    const ALL: Self = Self {
        begin: HashKey::MIN,
        end: HashKey::MAX,
    };

    /// Divides the whole space into parts of equal width, give or take one key.
    pub(crate) fn split_evenly(parts: u32) -> Vec<Self> {
        let parts = u128::from(parts.max(1));
        // The space holds one key more than a u128 can count, hence the detour.
        let (mut width, mut rest) = (u128::MAX / parts, u128::MAX % parts + 1);
        if rest == parts {
            (width, rest) = (width.wrapping_add(1), 0);
        }
        let begin = |part: u128| HashKey(part.wrapping_mul(width) + part * rest / parts);
        (0..parts)
            .map(|part| Self {
                begin: begin(part),
                end: if part + 1 == parts {
                    HashKey::MAX
                } else {
                    begin(part + 1)
                },
            })
            .collect()
    }

    /// Two ranges that meet at `key`, which must be strictly inside.
    pub(crate) fn split_at(self, key: HashKey) -> Option<[Self; 2]> {
        (self.begin < key && key < self.end)
            .then_some([Self { end: key, ..self }, Self { begin: key, ..self }])
    }

    /// Parts of about equal width; `None` when there are not that many keys.
    pub(crate) fn split_into(self, parts: u32) -> Option<Vec<Self>> {
        if self == Self::ALL {
            return Some(Self::split_evenly(parts));
        }
        let width = self.end.0 - self.begin.0;
        let parts = u128::from(parts);
        if parts == 0 || width < parts {
            return None;
        }
        let begin = |part: u128| {
            HashKey(self.begin.0 + part * (width / parts) + part * (width % parts) / parts)
        };
        let part = |part| Self {
            begin: begin(part),
            end: begin(part + 1),
        };
        Some((0..parts).map(part).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_and_quarters_fall_on_round_keys() {
        let begins = |parts| {
            KeyRange::split_evenly(parts)
                .iter()
                .map(|range| range.begin.to_string()[..2].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(begins(1), ["00"]);
        assert_eq!(begins(2), ["00", "80"]);
        assert_eq!(begins(4), ["00", "40", "80", "c0"]);
    }

    proptest! {
        #[test]
        fn parts_cover_the_space_without_gap_and_differ_by_one_key_at_most(parts in 1_u32..=256) {
            let ranges = KeyRange::split_evenly(parts);
            prop_assert_eq!(ranges.len() as u32, parts);
            prop_assert_eq!(ranges[0].begin, HashKey::MIN);
            prop_assert_eq!(ranges[ranges.len() - 1].end, HashKey::MAX);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].begin);
            }
            // The last end stands for one key more than it says.
            let widths = ranges.iter().map(|range| range.end.0 - range.begin.0);
            let (low, high) = widths.fold((u128::MAX, 0), |(low, high), width| {
                (low.min(width), high.max(width))
            });
            prop_assert!(high - low <= 2);
        }
    }

    #[test]
    fn a_range_is_split_strictly_inside() {
        let [left, right] = KeyRange::split_evenly(2)[..] else {
            panic!("two parts")
        };
        assert_eq!(KeyRange::ALL.split_at(right.begin), Some([left, right]));
        for outside in [right.begin, right.end, HashKey::MIN] {
            assert_eq!(right.split_at(outside), None);
        }
    }

    #[test]
    fn parts_of_a_range_are_those_of_the_whole() {
        let halves = KeyRange::split_evenly(2);
        let quarters: Vec<_> = halves
            .iter()
            .flat_map(|half| half.split_into(2).unwrap())
            .collect();
        let begins = |ranges: &[KeyRange]| {
            ranges
                .iter()
                .map(|range| range.begin.0 >> 64)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            begins(&quarters[..2]),
            begins(&KeyRange::split_evenly(4)[..2])
        );
        assert_eq!(quarters[3].end, HashKey::MAX);
        assert_eq!(KeyRange::ALL.split_into(4), Some(KeyRange::split_evenly(4)));
        let narrow = KeyRange {
            begin: HashKey(5),
            end: HashKey(7),
        };
        assert_eq!(narrow.split_into(3), None);
        assert_eq!(narrow.split_into(0), None);
        assert_eq!(narrow.split_into(2).unwrap().len(), 2);
    }
}
