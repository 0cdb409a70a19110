//! What is done so that a start is quick and the file no larger than it has to be.

use std::time::Duration;

/// When which upkeep is worth its price.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upkeep {
    /// After how long without a job there is time for other things.
    pub(super) idle_after: Duration,
    /// A file of so many bytes notes with every commit which pages are in use. A smaller one
    /// does so when nothing has come for a moment; killed before, it is read whole at the next
    /// start, which then takes less than what every commit would have cost.
    pub(super) noted_from: u64,
    /// A file of so many bytes is written anew when less than half of it is used.
    pub(super) compacted_from: u64,
    /// How long a start may take for that.
    pub(super) compacted_within: Duration,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            idle_after: Duration::from_secs(1),
            noted_from: 128 << 20,
            compacted_from: 64 << 20,
            compacted_within: Duration::from_secs(30),
        }
    }
}
