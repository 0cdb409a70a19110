//! Stands in for receipts.

use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Fate;

#[derive(Debug)]
pub(crate) struct Receipt;

impl Receipt {
    pub(crate) fn new(_: Arc<Fate>, _: u32) -> Self {
        Self
    }
}
