//! What stands in for the disk where the crate is built without it.

use std::sync::Arc;

use tokio::time::Instant;

use super::append::Rejected;
use super::batcher::StartError;
use super::config::BatchConfig;
use super::engine::Engine;
use super::signal::Latch;
use super::worker::{NextTime, Worker};

/// Nothing is ever on disk.
#[derive(Debug)]
pub(super) enum Stored {}

#[derive(Debug)]
pub(super) enum Storage {}

#[derive(Debug, Default)]
pub(super) struct Desk {}

impl Desk {
    pub(super) fn done(&self, _stored: Vec<Stored>) {}
}

impl Storage {
    pub(super) fn open(_engine: &Engine) -> Result<Option<Self>, StartError> {
        Ok(None)
    }
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

impl Worker {
    pub(super) fn store(&mut self, _now: Instant, _next: &mut NextTime) {
        debug_assert!(self.storage.is_none());
    }

    pub(super) fn store_parts(&mut self, _stored: Vec<Stored>) {}

    pub(super) fn close_storage(&mut self) {}
}
