//! Signals that end the process.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::{flag, low_level};

use crate::error::Error;
use crate::handler::Handler;

/// Ships what is queued when a signal asks the process to end, and lets it end then.
///
/// A second signal ends it at once. A program that ends by itself on such signals needs none
/// of this: it drops the handler's guard on its way out.
///
/// After `fork` the child has to install it anew, since a child has no other threads.
#[derive(Debug, Clone)]
#[must_use]
pub struct SignalHook {
    signals: Vec<i32>,
    wait: Option<Duration>,
    ends: bool,
}

impl Default for SignalHook {
    fn default() -> Self {
        Self::new()
    }
}

impl SignalHook {
    /// Upon `SIGTERM`, `SIGINT` and `SIGHUP`.
    pub fn new() -> Self {
        Self {
            signals: vec![SIGTERM, SIGINT, SIGHUP],
            wait: None,
            ends: true,
        }
    }

    /// Sets which signals, by number.
    pub fn with_signals(mut self, signals: impl IntoIterator<Item = i32>) -> Self {
        self.signals = signals.into_iter().collect();
        self
    }

    /// Sets how long the end may be delayed. Default: the handler's `close_wait`.
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Sets whether the process ends as the signal would have it, after the handler was closed.
    /// Default: yes.
    ///
    /// If not, the handler is only flushed, and the rest is up to whoever else listens to the
    /// signal.
    pub fn with_ending(mut self, ends: bool) -> Self {
        self.ends = ends;
        self
    }

    /// Starts to listen, on a thread of its own.
    ///
    /// Dropping what is returned ends that thread, and the signals do what they do by default.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the system refuses one of the signals, or a thread.
    pub fn install(self, handler: &Handler) -> Result<SignalGuard, Error> {
        let failed = |cause: io::Error| Error::invalid("signals", cause);
        // Whether the next signal does what it does by default, at once.
        let by_default = Arc::new(AtomicBool::new(false));
        let ending = if self.ends { &self.signals[..] } else { &[] };
        for signal in ending {
            flag::register_conditional_default(*signal, Arc::clone(&by_default)).map_err(failed)?;
        }
        let mut signals = Signals::new(&self.signals).map_err(failed)?;
        let handle = signals.handle();
        let thread = thread::Builder::new().name("sls-signals".to_owned());
        let thread = thread
            .spawn({
                let handler = handler.clone();
                let by_default = Arc::clone(&by_default);
                move || {
                    for signal in signals.forever() {
                        self.act(signal, &handler, &by_default);
                    }
                }
            })
            .map_err(failed)?;
        Ok(SignalGuard {
            handle,
            by_default,
            thread: Some(thread),
        })
    }

    fn act(&self, signal: i32, handler: &Handler, by_default: &AtomicBool) {
        let wait = self.wait.unwrap_or_else(|| handler.close_wait());
        if !self.ends {
            let _ = handler.flush(wait);
            return;
        }
        by_default.store(true, Ordering::SeqCst);
        let _ = handler.close(wait);
        let _ = low_level::emulate_default_handler(signal);
    }
}

/// Listens to signals until it is dropped.
#[must_use = "dropping the guard ends the listening"]
pub struct SignalGuard {
    handle: Handle,
    by_default: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        self.by_default.store(true, Ordering::SeqCst);
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SignalGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalGuard").finish_non_exhaustive()
    }
}
