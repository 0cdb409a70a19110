//! The names of calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::unix_seconds;

/// Gives every call a name of 24 upper-case hexadecimal digits.
///
/// The first eight are the time in seconds, as in the service's own, so that names sort by
/// time; the rest is different for every call of a server.
#[derive(Debug)]
pub(crate) struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(started: SystemTime) -> Self {
        let seed = started
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        Self {
            next: AtomicU64::new(seed),
        }
    }

    pub(crate) fn next(&self, now: SystemTime) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // An odd factor maps different numbers to different names that do not look alike.
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{:08X}{mixed:016X}", unix_seconds(now) as u32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_have_24_upper_case_digits_and_differ() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let ids = RequestIds::new(now);
        let names: HashSet<_> = (0..1000).map(|_| ids.next(now)).collect();
        assert_eq!(names.len(), 1000);
        for name in names {
            assert_eq!(name.len(), 24);
            assert!(name.starts_with("6553F100"), "{name}");
            assert!(name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')));
        }
    }
}
