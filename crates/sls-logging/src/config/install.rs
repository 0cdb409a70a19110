//! The front ends of the process: one logger, one subscriber, for good.

use std::sync::{Arc, Mutex, PoisonError};

use super::logging::{Logging, LoggingGuard, start_handler, start_in};
use super::settings::Settings;
use super::shared::Shared;
use super::threshold::Threshold;
use crate::error::Error;

/// What this crate installed in the process. Neither can be taken out again, so a second
/// configuration takes over what the first one left.
static INSTALLED: Mutex<Installed> = Mutex::new(Installed {
    shared: None,
    in_use: false,
});

struct Installed {
    shared: Option<Arc<Shared>>,
    in_use: bool,
}

impl Settings {
    /// Starts the handlers and makes them the process's own: the logger of the crate `log`
    /// (feature `log`) and the default subscriber of `tracing` (feature `tracing`). A record
    /// comes in by one of them and so arrives once.
    ///
    /// Once the guard is gone, it can be called again.
    ///
    /// # Errors
    /// [`Error::AlreadyInstalled`] when the process has a logger or a subscriber already:
    /// then no handler is left at work, and [`start`](Self::start) gives front ends to put beside
    /// it. [`Error::Handler`] when a handler cannot be started.
    pub fn init(self) -> Result<LoggingGuard, Error> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if installed.in_use {
            return Err(Error::AlreadyInstalled {
                what: "this crate's logging",
            });
        }
        let guard = match &installed.shared {
            Some(shared) => start_in(self, Some(Arc::clone(shared)), start_handler)?.1,
            None => {
                let (logging, guard) = self.start()?;
                install(&logging)?;
                installed.shared = Some(Arc::clone(guard.shared()));
                guard
            }
        };
        installed.in_use = true;
        Ok(guard.installed())
    }
}

fn install(logging: &Logging) -> Result<(), Error> {
    #[cfg(feature = "log")]
    log::set_boxed_logger(Box::new(logging.logger())).map_err(|_| Error::AlreadyInstalled {
        what: "a logger of log",
    })?;
    #[cfg(feature = "tracing")]
    {
        use tracing_subscriber::layer::SubscriberExt as _;

        let subscriber = tracing_subscriber::registry().with(logging.layer());
        let dispatch = tracing_core::Dispatch::new(subscriber);
        tracing_core::dispatcher::set_global_default(dispatch).map_err(|_| {
            Error::AlreadyInstalled {
                what: "a subscriber of tracing",
            }
        })?;
    }
    let _ = logging;
    Ok(())
}

/// Sets what the crate `log` lets pass before it asks.
pub(super) fn raise(most: Threshold) {
    #[cfg(feature = "log")]
    log::set_max_level(most.into());
    let _ = most;
}

/// Says that another configuration may take over.
pub(super) fn release() {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    installed.in_use = false;
}
