use std::fmt;

use sls_core::model::HashKey;
use sls_core::wire::EncodedGroup;
use telemetry_delivery::batch::{DeadLetter, DeadReason};

use super::route::LaneName;

/// Logs that can never be delivered, and why.
pub struct DeadLogs<'a> {
    letter: &'a DeadLetter<'a>,
}

impl<'a> DeadLogs<'a> {
    pub(crate) const fn new(letter: &'a DeadLetter<'a>) -> Self {
        Self { letter }
    }

    /// Why.
    pub fn reason(&self) -> &DeadReason {
        &self.letter.reason
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.letter.batch.count()
    }

    /// The logs with their topic, source and tags, as a group; a copy.
    pub fn to_group(&self) -> EncodedGroup {
        let mut bytes = self.letter.batch.bytes().to_vec();
        if let Some(lane) = self.lane() {
            bytes.extend_from_slice(lane.meta);
        }
        EncodedGroup::from_wire(bytes, self.count())
    }

    /// Which shard they were for, if a certain one.
    pub fn hash_key(&self) -> Option<HashKey> {
        self.lane()?.hash_key
    }

    fn lane(&self) -> Option<LaneName<'_>> {
        LaneName::parse(self.letter.batch.lane_name())
    }
}

// What a log says is not for other logs.
impl fmt::Debug for DeadLogs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLogs")
            .field("count", &self.count())
            .field("reason", self.reason())
            .finish_non_exhaustive()
    }
}
