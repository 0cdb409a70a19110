//! Whether who appends an item wants to be told what becomes of it.

use super::receipt::Receipt;

/// What an append gives: a receipt, or nothing, which costs nothing.
pub(super) trait Appended {
    fn from(receipt: impl FnOnce() -> Receipt) -> Self;
}

impl Appended for () {
    #[inline]
    fn from(_: impl FnOnce() -> Receipt) {}
}

impl Appended for Receipt {
    fn from(receipt: impl FnOnce() -> Self) -> Self {
        receipt()
    }
}
