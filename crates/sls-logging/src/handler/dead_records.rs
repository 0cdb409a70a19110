use sls_core::model::LogGroup;
use sls_core::wire::GroupView;
use telemetry_delivery::batch::{DeadLetter, DeadReason};

/// Records that the service will never take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadRecords {
    /// The records with their topic, source and tags.
    pub group: LogGroup,
    /// Why not.
    pub reason: DeadReason,
}

impl DeadRecords {
    pub(crate) fn of(letter: &DeadLetter<'_>) -> Self {
        let mut bytes = letter.batch.bytes().to_vec();
        // A lane is named by what its groups end with.
        bytes.extend_from_slice(letter.batch.lane_name());
        let group = GroupView::parse(&bytes).map(|group| group.to_owned());
        Self {
            // These bytes were encoded here.
            group: group.unwrap_or_default(),
            reason: letter.reason.clone(),
        }
    }
}
