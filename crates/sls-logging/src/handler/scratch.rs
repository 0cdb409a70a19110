use std::cell::RefCell;

use sls_core::wire::GroupEncoder;

use crate::caches::Caches;
use crate::encoder::Texts;

/// From this size on a buffer is not kept for the next record, in bytes.
const KEPT: usize = 64 << 10;

/// What one thread encodes its records in.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) group: GroupEncoder,
    pub(crate) texts: Texts,
    pub(crate) caches: Caches,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The thread is encoding a record already: a value logs while it is being shown.
#[derive(Debug)]
pub(crate) struct Busy;

/// Lends the thread's scratch.
///
/// A thread that is coming to its end has none any more, and gets one for the occasion.
#[inline]
pub(crate) fn with_scratch<T>(with: impl FnOnce(&mut Scratch) -> T) -> Result<T, Busy> {
    let mut with = Some(with);
    let lent = SCRATCH.try_with(|scratch| {
        let mut scratch = scratch.try_borrow_mut().map_err(|_| Busy)?;
        let with = with.take().ok_or(Busy)?;
        let result = with(&mut scratch);
        scratch.let_go_of_the_large();
        Ok(result)
    });
    match (lent, with) {
        (Ok(result), _) => result,
        (Err(_), Some(with)) => Ok(with(&mut Scratch::default())),
        (Err(_), None) => Err(Busy),
    }
}

impl Scratch {
    /// One huge record does not cost its thread memory for good.
    #[inline]
    fn let_go_of_the_large(&mut self) {
        if self.group.raw_bytes() > KEPT || self.texts.largest() > KEPT {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_in_use_is_not_lent_again() {
        let inner = with_scratch(|_| with_scratch(|_| ()).is_err());
        assert!(matches!(inner, Ok(true)));
        assert!(with_scratch(|_| ()).is_ok());
    }

    #[test]
    fn a_panic_inside_does_not_lock_the_scratch_for_good() {
        let caught = std::panic::catch_unwind(|| with_scratch(|_| panic!("a value's Display")));
        assert!(caught.is_err());
        assert!(with_scratch(|_| ()).is_ok());
    }

    #[test]
    fn a_huge_record_leaves_no_huge_scratch() {
        let text = "x".repeat(KEPT + 1);
        let write = |scratch: &mut Scratch| {
            scratch.group.clear();
            scratch.group.log(1).field("message", &text);
        };
        assert!(with_scratch(write).is_ok());
        let left = with_scratch(|scratch| scratch.group.raw_bytes());
        assert!(matches!(left, Ok(0)));
    }
}
