//! Stands in for the disk: there is none.

use std::sync::Arc;

use tokio::time::Instant;

use super::append::Rejected;
use super::config::BatchConfig;
use super::engine::Engine;
use super::signal::Latch;

#[derive(Debug)]
pub(super) enum Stored {}

#[derive(Debug, Default)]
pub(super) struct Desk {}

impl Desk {
    pub(super) fn done(&self, _: Vec<Stored>) {}
}

impl BatchConfig {
    pub(super) fn is_durable(&self) -> bool {
        false
    }

    pub(super) fn time_to_store(&self, deadline: Option<Instant>) -> Option<Instant> {
        deadline
    }
}

impl Engine {
    pub(super) fn wait_until_stored(&self) -> Result<(), Rejected> {
        Ok(())
    }

    pub(super) async fn until_stored(&self) -> Result<(), Rejected> {
        Ok(())
    }

    pub(super) fn ask_to_store(&self) -> Option<Arc<Latch>> {
        None
    }

    pub(super) fn wants_to_spill(&self) -> bool {
        false
    }
}
