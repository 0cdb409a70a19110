//! The program itself: it logs, and a file says what becomes of that.

use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::path::Path;

/// Logs an event and an error, as the configuration says.
pub(crate) fn run(configuration: &Path) -> Result<(), Box<dyn Error>> {
    // Dropping the guard delivers what is left, so it lives as long as the program.
    let _guard = sls_logging::init_from_file(configuration)?;
    let _span = tracing::info_span!(target: "sls", "run").entered();

    tracing::info!(target: "sls", "test1");

    if let Err(error) = share(1, 0) {
        tracing::error!(
            target: "sls",
            error = &error as &dyn Error,
            backtrace = %error.backtrace,
            "{error}"
        );
    }
    Ok(())
}

fn share(amount: u32, among: u32) -> Result<u32, NotShared> {
    amount.checked_div(among).ok_or_else(|| NotShared {
        cause: "division by zero".into(),
        backtrace: Backtrace::force_capture(),
    })
}

/// An error with a cause, and the way to where it happened.
#[derive(Debug)]
struct NotShared {
    cause: Box<dyn Error>,
    backtrace: Backtrace,
}

impl fmt::Display for NotShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the amount was not shared")
    }
}

impl Error for NotShared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
