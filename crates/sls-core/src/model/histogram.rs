use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::lenient;
use super::query::Progress;

/// How many logs a search finds in one part of its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// The first moment of the part, to the second.
    #[serde(with = "lenient::unix_seconds")]
    pub from: SystemTime,
    /// The first moment that no longer belongs to it.
    #[serde(with = "lenient::unix_seconds")]
    pub to: SystemTime,
    /// How many logs there are, as far as the service looked.
    #[serde(with = "lenient::number")]
    pub count: u64,
    /// Whether the service looked at all of the part.
    pub progress: Progress,
}
