use sls_core::model::LogGroup;
use sls_core::wire::GroupView;
use telemetry_delivery::batch::{DeadLetter, DeadReason};

use crate::producer::DeadLogs;

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
        let group = DeadLogs::new(letter).to_group();
        let group = GroupView::parse(group.as_bytes()).map(|group| group.to_owned());
        Self {
            // These bytes were encoded here.
            group: group.unwrap_or_default(),
            reason: letter.reason.clone(),
        }
    }
}
