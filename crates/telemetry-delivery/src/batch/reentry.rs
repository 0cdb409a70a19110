//! What the current thread is in the middle of.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::fork;
use super::sync::thread_local;

struct ThisThread {
    /// Picks the buffer of a lane; zero until the thread's first append.
    ticket: Cell<u32>,
    inside: Cell<bool>,
    /// The engine whose worker this thread is; zero for none.
    worker_of: Cell<u64>,
    /// The process that it became one in.
    epoch: Cell<u64>,
}

thread_local! {
    static THREAD: ThisThread = const {
        ThisThread {
            ticket: Cell::new(0),
            inside: Cell::new(false),
            worker_of: Cell::new(0),
            epoch: Cell::new(0),
        }
    };
}

static TICKETS: AtomicU32 = AtomicU32::new(1);

/// Lasts as long as an append.
pub(super) struct Inside {
    pub(super) ticket: u32,
}

impl Inside {
    /// `None` when this thread is appending already, or is the worker of `engine`.
    #[inline]
    pub(super) fn enter(engine: u64) -> Option<Self> {
        THREAD.with(|thread| {
            if thread.inside.get() || thread.worker_of.get() == engine {
                return None;
            }
            thread.inside.set(true);
            Some(Self {
                ticket: thread.ticket(),
            })
        })
    }

    /// The same, open to the worker.
    pub(super) fn enter_from_anywhere() -> Option<Self> {
        Self::enter(u64::MAX)
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        THREAD.with(|thread| thread.inside.set(false));
    }
}

impl ThisThread {
    #[inline]
    fn ticket(&self) -> u32 {
        match self.ticket.get() {
            0 => self.first_ticket(),
            ticket => ticket,
        }
    }

    #[cold]
    fn first_ticket(&self) -> u32 {
        // Zero comes around after four thousand million threads, and then only asks again.
        let ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
        self.ticket.set(ticket);
        ticket
    }
}

/// Marks this thread as the worker of `engine`, for good.
pub(super) fn become_worker(engine: u64) {
    THREAD.with(|thread| {
        thread.worker_of.set(engine);
        thread.epoch.set(fork::epoch());
    });
}

pub(super) fn is_worker_of(engine: u64) -> bool {
    THREAD.with(|thread| thread.worker_of.get() == engine)
}

/// Whether an append made by this thread now would be one of the delivery itself: it runs on an
/// engine's own thread, or within another append.
///
/// A front end asks before it formats, so as not to log about logging.
#[must_use]
pub fn is_inside_delivery() -> bool {
    THREAD.with(|thread| {
        // A sink may fork, and its thread is the child's only one and works for nobody there.
        let working = thread.worker_of.get() != 0 && thread.epoch.get() == fork::epoch();
        working || thread.inside.get()
    })
}
