//! Which shards have to be read before which.
//!
//! The service does not tell what became of a shard that was split or merged. Since the ranges
//! of the shards that take writes never overlap, two shards that share a key never took writes
//! at the same time: the older one is an ancestor of the younger.

use sls_core::model::{Shard, ShardStatus};

/// Whether what `younger` holds of some key came after what `older` holds of it.
pub(super) fn is_ancestor(older: &Shard, younger: &Shard) -> bool {
    let overlap = older.begin < younger.end && younger.begin < older.end;
    overlap && age(older) < age(younger)
}

/// A shard that takes writes has no children yet, whatever the time of its creation says; of
/// those made within one second the number decides, since numbers only grow.
fn age(shard: &Shard) -> impl Ord {
    let takes_writes = shard.status != ShardStatus::ReadOnly;
    (takes_writes, shard.create_time, shard.id)
}

#[cfg(test)]
mod tests {
    use sls_core::model::{HashKey, ShardId};

    use super::*;

    /// Number, status, first digits of the range, second of creation.
    fn shard(id: u32, status: ShardStatus, range: (&str, &str), create_time: u64) -> Shard {
        let key = |digits: &str| -> HashKey { digits.parse().unwrap() };
        Shard {
            id: ShardId(id),
            status,
            begin: key(range.0),
            end: key(range.1),
            create_time,
        }
    }

    use ShardStatus::{ReadOnly, ReadWrite};

    #[test]
    fn who_shares_keys_and_is_older_is_an_ancestor() {
        let whole = shard(0, ReadOnly, ("00", "ff"), 1);
        let left = shard(1, ReadOnly, ("00", "80"), 5);
        let right = shard(2, ReadWrite, ("80", "ff"), 5);
        let merged = shard(9, ReadWrite, ("00", "80"), 7);
        assert!(is_ancestor(&whole, &left) && is_ancestor(&whole, &right));
        assert!(is_ancestor(&whole, &merged), "a grandparent");
        assert!(!is_ancestor(&left, &whole));
        assert!(!is_ancestor(&left, &right), "they only touch");
        assert!(!is_ancestor(&left, &left));
    }

    #[test]
    fn within_a_second_and_without_a_time_the_number_decides() {
        let old = shard(3, ReadOnly, ("00", "ff"), 0);
        let new = shard(4, ReadOnly, ("00", "80"), 0);
        assert!(is_ancestor(&old, &new) && !is_ancestor(&new, &old));
    }

    #[test]
    fn a_shard_that_takes_writes_has_no_children_whatever_its_time_says() {
        let old = shard(3, ReadOnly, ("00", "ff"), 100);
        let new = shard(4, ReadWrite, ("00", "80"), 50);
        assert!(is_ancestor(&old, &new) && !is_ancestor(&new, &old));
    }
}
