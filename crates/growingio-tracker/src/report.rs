use crate::counts::Counts;
use crate::error::Error;

/// What a flush or a close came to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// What has become of all messages since the tracker was built.
    pub counts: Counts,
    /// Messages that were tracked before the call and still wait; always 0 after a close, which
    /// counts them as dropped.
    pub waiting: u64,
    /// The last reason for which something was not delivered during the call.
    pub error: Option<Error>,
}

impl Report {
    /// Whether nothing waits and nothing was given up during the call.
    pub fn is_complete(&self) -> bool {
        self.waiting == 0 && self.error.is_none()
    }
}
