//! Notices that this process is a copy of another.

/// How many times the process was forked off since somebody in its line of ancestors first
/// had forks counted, as the first batcher does. One load.
///
/// What a program keeps of its process id, its thread's or the like has to be asked for anew
/// when this has changed.
#[cfg(unix)]
#[inline]
pub fn epoch() -> u64 {
    hook::EPOCH.load(std::sync::atomic::Ordering::Relaxed)
}

/// No process is ever copied here.
#[cfg(not(unix))]
#[inline]
pub fn epoch() -> u64 {
    0
}

/// Has forks counted from now on.
///
/// A batcher sees to it by itself; whoever keeps locks without one asks for it before the
/// first fork. It can be called as often as one likes.
pub fn watch() {
    #[cfg(unix)]
    hook::install();
}

#[cfg(unix)]
mod hook {
    use std::sync::Once;
    use std::sync::atomic::{AtomicU64, Ordering};

    pub(super) static EPOCH: AtomicU64 = AtomicU64::new(0);
    static INSTALLED: Once = Once::new();

    extern "C" fn in_child() {
        // The child has one thread at this point, so nothing is ordered by it.
        EPOCH.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "spool")]
        crate::spool::let_go_in_child();
    }

    #[expect(
        unsafe_code,
        reason = "asking for the process id at every append costs more than the append"
    )]
    pub(super) fn install() {
        INSTALLED.call_once(|| {
            // SAFETY: the handler lives as long as the program, and what it does, atomic operations
            // and closing files, is allowed in a child of a process with several threads.
            let result = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
            // Without memory for one more handler a fork goes unnoticed, as it would without it.
            debug_assert_eq!(result, 0);
        });
    }
}
