use std::time::Duration;

use sls_core::Error;
use sls_core::api::Operation;

use crate::client::Client;

/// How often a search that is not complete is asked again, and how long to wait in between.
///
/// The service answers within a limited time with what it has found by then, says that this
/// is not all, and goes on in the background. Default: 5 times with half a second in
/// between, as the official Python client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Patience {
    attempts: u32,
    pause: Duration,
}

impl Patience {
    /// How often a search is asked unless told otherwise.
    pub const DEFAULT_ATTEMPTS: u32 = 5;
    /// How long to wait in between unless told otherwise.
    pub const DEFAULT_PAUSE: Duration = Duration::from_millis(500);

    /// Asks once and takes what there is.
    pub fn none() -> Self {
        Self::default().with_attempts(1)
    }

    /// How often to ask in all, at least once. Default: 5.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long to wait in between. Default: half a second.
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Asks until the answer is complete or the patience is over, and gives the last one.
    pub(crate) async fn ask<O: Operation>(
        self,
        client: &Client,
        operation: &O,
        is_complete: fn(&O::Reply) -> bool,
    ) -> Result<O::Reply, Error> {
        let mut left = self.attempts;
        loop {
            let answer = client.send(operation).await?;
            left = left.saturating_sub(1);
            if left == 0 || is_complete(&answer) {
                return Ok(answer);
            }
            tokio::time::sleep(self.pause).await;
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: Self::DEFAULT_ATTEMPTS,
            pause: Self::DEFAULT_PAUSE,
        }
    }
}
