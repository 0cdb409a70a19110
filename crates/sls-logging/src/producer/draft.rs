use std::cell::Cell;
use std::fmt;

use sls_core::wire::GroupEncoder;
use telemetry_delivery::batch::{Batcher, Lane, Receipt, Rejected};

/// From this size on a buffer is not kept for the next log, in bytes.
const KEPT: usize = 64 << 10;

thread_local! {
    /// Memory of the thread's last log.
    static SPARE: Cell<Option<GroupEncoder>> = const { Cell::new(None) };
}

/// A log that is encoded and not yet sent. Dropping it sends nothing.
#[must_use = "a draft is not sent by itself"]
pub struct Draft<'a> {
    batcher: &'a Batcher,
    lane: Lane,
    log: Spare,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        batcher: &'a Batcher,
        lane: Lane,
        fill: impl FnOnce(&mut GroupEncoder),
    ) -> Self {
        let mut log = Spare::take();
        fill(&mut log.0);
        Self { batcher, lane, log }
    }

    /// Sends it; when there is no room it waits as
    /// [`with_overflow`](super::ProducerBuilder::with_overflow) says, without blocking the thread.
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    ///
    /// # Cancel safety
    /// Safe: before it is ready the log is not taken in.
    pub async fn send(self) -> Result<Receipt, Rejected> {
        self.batcher.append_async(self.lane, self.bytes()).await
    }

    /// Sends it and never waits.
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    pub fn try_send(self) -> Result<Receipt, Rejected> {
        self.batcher
            .try_append_with_receipt(self.lane, self.bytes())
    }

    /// Sends it; when there is no room it waits as
    /// [`with_overflow`](super::ProducerBuilder::with_overflow) says, blocking the thread.
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    pub fn send_blocking(self) -> Result<Receipt, Rejected> {
        self.batcher.append_with_receipt(self.lane, self.bytes())
    }

    /// Like [`send_blocking`](Self::send_blocking) without a receipt, which is cheapest.
    ///
    /// # Errors
    /// [`Rejected`]; the log is counted among the dropped then.
    pub fn post(self) -> Result<(), Rejected> {
        self.batcher.append(self.lane, self.bytes())
    }

    /// How many bytes the log has in a group.
    pub fn raw_bytes(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        self.log.0.as_bytes()
    }
}

// What a log says is not for other logs.
impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("raw_bytes", &self.raw_bytes())
            .finish_non_exhaustive()
    }
}

/// Memory to encode in, which goes back to its thread.
struct Spare(GroupEncoder);

impl Spare {
    fn take() -> Self {
        // A thread that is coming to its end has none any more.
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        Self(spare.unwrap_or_default())
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        // One huge log does not cost its thread memory for good.
        if self.0.raw_bytes() <= KEPT {
            let mut group = std::mem::take(&mut self.0);
            group.clear();
            let _ = SPARE.try_with(|spare| spare.set(Some(group)));
        }
    }
}
