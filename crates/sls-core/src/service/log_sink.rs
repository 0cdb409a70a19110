use std::future::Future;

use crate::error::Error;
use crate::wire::EncodedGroup;

/// Takes log groups for one logstore. Generic: used once per program, on a busy path.
pub trait LogSink: Send + Sync + 'static {
    /// Writes one log group; `Ok` means that the service has it.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::NoAnswer`] the group may have been written all the same.
    fn put_logs(&self, group: &EncodedGroup) -> impl Future<Output = Result<(), Error>> + Send;
}
