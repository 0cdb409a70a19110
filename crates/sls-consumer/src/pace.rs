//! How long to wait between two pulls of a shard.

use std::time::Duration;

/// What the last pull brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Catch {
    /// Whether the cursor moved.
    pub(crate) moved: bool,
    /// Whether the service says that the end of the shard was reached, if it says.
    pub(crate) at_end: Option<bool>,
    /// Log groups that were read, before a query where there is one.
    pub(crate) groups: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Log groups that were asked for.
    pub(crate) asked: u64,
}

/// The table is in the documentation of
/// [`WorkerConfig::with_idle`](crate::WorkerConfig::with_idle).
///
/// `still` is how many pulls in a row did not move the cursor, this one included.
pub(crate) fn pause(catch: Catch, still: u32, longest: Duration) -> Duration {
    const MIB: u64 = 1 << 20;
    let millis = match catch {
        Catch { moved: false, .. } => 250u64.saturating_mul(2u64.saturating_pow(still.min(20)) / 2),
        Catch {
            at_end: Some(false),
            ..
        } => 0,
        Catch { groups, asked, .. } if groups >= asked => 0,
        Catch { groups, bytes, .. } if bytes < MIB && groups < 100 => 500,
        Catch { groups, bytes, .. } if bytes < 2 * MIB && groups < 500 => 200,
        Catch { groups, bytes, .. } if bytes < 4 * MIB && groups < 1000 => 50,
        _ => 0,
    };
    Duration::from_millis(millis).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(moved: bool, at_end: Option<bool>, groups: u64, kib: u64, want_millis: u128) {
        let catch = Catch {
            moved,
            at_end,
            groups,
            bytes: kib << 10,
            asked: 1000,
        };
        let pause = pause(catch, 1, Duration::from_secs(2));
        assert_eq!(pause.as_millis(), want_millis, "{catch:?}");
    }

    #[test]
    fn the_less_came_the_longer_the_pause() {
        check(true, None, 99, 1023, 500);
        check(true, Some(true), 499, 2047, 200);
        check(true, Some(true), 999, 4095, 50);
        check(true, Some(true), 999, 4096, 0);
        check(true, Some(true), 1000, 1, 0);
    }

    #[test]
    fn who_is_not_at_the_end_does_not_wait() {
        check(true, Some(false), 1, 1, 0);
    }

    #[test]
    fn a_cursor_that_stands_still_is_asked_less_and_less() {
        let catch = Catch {
            moved: false,
            at_end: Some(true),
            groups: 0,
            bytes: 0,
            asked: 1000,
        };
        let pauses = [1, 2, 3, 4, 5, 90].map(|still| {
            let pause = pause(catch, still, Duration::from_secs(2));
            pause.as_millis()
        });
        assert_eq!(pauses, [250, 500, 1000, 2000, 2000, 2000]);
    }
}
