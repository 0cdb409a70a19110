//! Panics as records.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::thread;
use std::time::Duration;

use crate::handler::Handler;
use crate::level::Level;
use crate::record::Facts;

/// The target of such records.
const TARGET: &str = "panic";

/// Ships every panic of the process as one record: thread, place, message and backtrace.
///
/// The hook that was there before is called afterwards.
#[derive(Debug, Clone)]
#[must_use]
pub struct PanicHook {
    backtrace: Option<bool>,
    flush: Duration,
}

impl Default for PanicHook {
    fn default() -> Self {
        Self::new()
    }
}

impl PanicHook {
    /// Backtraces as the environment asks for them; waits only where a panic aborts.
    pub const fn new() -> Self {
        Self {
            backtrace: None,
            flush: match cfg!(panic = "abort") {
                true => Duration::from_secs(5),
                false => Duration::ZERO,
            },
        }
    }

    /// Sets whether the record has a backtrace.
    /// Default: when `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for it.
    pub const fn with_backtrace(mut self, backtrace: bool) -> Self {
        self.backtrace = Some(backtrace);
        self
    }

    /// Sets how long the panicking thread waits for its record, and all before it, to leave.
    /// Default: 5 seconds where panics abort the process, otherwise not at all.
    ///
    /// Where panics unwind the program goes on, or ends and drops the handler's guard. Set it
    /// when a hook of the program's own ends the process.
    pub const fn with_flush(mut self, wait: Duration) -> Self {
        self.flush = wait;
        self
    }

    /// Has panics shipped from now on, for the rest of the process's life.
    pub fn install(self, handler: &Handler) {
        let handler = handler.clone();
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            self.ship(&handler, info);
            previous(info);
        }));
    }

    fn ship(&self, handler: &Handler, info: &PanicHookInfo<'_>) {
        if !handler.wants(Level::Error, TARGET) {
            return;
        }
        let backtrace = match self.backtrace {
            Some(true) => Backtrace::force_capture(),
            Some(false) => Backtrace::disabled(),
            None => Backtrace::capture(),
        };
        let trace = match backtrace.status() {
            BacktraceStatus::Captured => Some(format!("stack backtrace:\n{backtrace}")),
            _ => None,
        };
        let current = thread::current();
        let name = current.name().unwrap_or("<unnamed>");
        let text = payload_text(info.payload());
        let mut facts = Facts::new(Level::Error, TARGET);
        let message = match info.location() {
            Some(place) => {
                facts.file = Some(place.file());
                facts.line = Some(place.line());
                format!("thread '{name}' panicked at {place}:\n{text}")
            }
            None => format!("thread '{name}' panicked:\n{text}"),
        };
        handler.write_apart(&facts, |entry| entry.message(&message, trace.as_deref()));
        if !self.flush.is_zero() {
            let _ = handler.flush(self.flush);
        }
    }
}

/// What `panic!` was given, when that was text.
fn payload_text(payload: &dyn Any) -> &str {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "Box<dyn Any>",
    }
}
