//! Python's `logging.conf`, as `logging.config.fileConfig` reads it.
//!
//! ```text
//! ini.rs          lines      -> sections and options, as `configparser` does
//! interpolate.rs  %(name)s   -> the option of that name
//! token.rs        args=(..)  -> tokens
//! literal.rs      tokens     -> values: no code is run, a handful of names is known
//! read.rs         all that   -> settings
//! ```

mod ini; // sections and options
mod interpolate; // %(name)s and %%
mod literal; // values of a small part of Python
mod read; // options to settings
mod token; // the words of that part

pub(crate) use read::read;
#[cfg(test)]
pub(crate) use read::{FORMATTER, HANDLER, LOGGER, QUEUED_HANDLERS, STREAM_HANDLERS};
