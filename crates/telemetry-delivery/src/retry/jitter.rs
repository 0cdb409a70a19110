use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Random numbers that spread waits. Predictable, hence not for secrets.
///
/// A counter in steps of an odd constant, each value scrambled by the xor-and-shift finish of
/// SplitMix64: shared between threads without a lock, and every `u64` comes once per period.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// Starts somewhere else in every process and at every call.
    pub(crate) fn new() -> Self {
        // std seeds each of these from the operating system, which is all that is wanted here.
        Self(AtomicU64::new(RandomState::new().build_hasher().finish()))
    }

    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut value = self.0.fetch_add(STEP, Ordering::Relaxed);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly() {
        let jitter = Jitter(AtomicU64::new(1));
        let mut buckets = [0; 8];
        for _ in 0..8000 {
            buckets[(jitter.next() >> 61) as usize] += 1;
        }
        // 1000 expected; a deviation of 150 is five standard deviations.
        assert!(
            buckets.iter().all(|n| (850..1150).contains(n)),
            "{buckets:?}"
        );
    }

    #[test]
    fn two_generators_go_different_ways() {
        assert_ne!(Jitter::new().next(), Jitter::new().next());
    }
}
