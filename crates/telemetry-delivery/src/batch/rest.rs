//! Whether the worker sleeps without a timer, so that the first item has to wake it.

use super::sync::{AtomicBool, Ordering};

/// The worker's rest.
///
/// The flag alone orders nothing: the locks of the buffers do. The worker says that it rests and
/// looks into every buffer afterwards; a caller fills a buffer and looks at the flag afterwards.
/// Whichever of the two locks the buffer first, the other one sees it.
#[derive(Debug)]
pub(super) struct Rest(AtomicBool);

impl Rest {
    /// The worker rests until there is something to do.
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(true))
    }

    /// Whether the worker rests. A caller with an item in a buffer has to wake it then.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The worker is being woken, or has found something to do.
    pub(super) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// The worker would rest; it may not when somebody has filled a buffer just before.
    pub(super) fn begin(&self, has_items: impl FnOnce() -> bool) -> bool {
        self.0.store(true, Ordering::Relaxed);
        if has_items() {
            self.end();
            return false;
        }
        true
    }
}
