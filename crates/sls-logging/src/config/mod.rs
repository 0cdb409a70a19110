//! Logging by configuration alone.
//!
//! ```text
//! text -- tree: TOML or JSON with ${NAME} -- read ----------.
//!      \                                                     >-- Settings -- Routes
//!       '- logging_conf: Python's file with os.environ -----'
//! ```

mod apply; // from settings to the builder of a handler
mod console; // lines on a standard stream
mod from_env; // settings from variables
mod front; // what `log` and `tracing` call
mod install; // the front ends of the process
mod live; // loggers and handlers at work
mod logging; // from the start to the end
mod logging_conf; // Python's own file
mod nearest; // what somebody meant who wrote something else
mod pattern; // how a record becomes a line
mod problem; // what is wrong, and where
mod read; // from a tree to settings
#[cfg(test)]
mod reference; // holds the reference page to the code
mod route_cache; // routes that a thread remembers
mod routes; // which handlers get a record
mod setting; // one setting of a handler
mod settings; // loggers and handlers
mod shared; // what front ends and guard share
mod sls; // the settings of a handler that uploads
mod syntax; // what a configuration is written in
mod threshold; // from which level on something passes
mod told; // what a record tells, as text
mod tree; // what TOML and JSON have in common

#[cfg(feature = "log")]
pub use front::ConfiguredLogger;
#[cfg(feature = "tracing")]
pub use front::{ConfiguredFilter, ConfiguredLayer};
pub use logging::{Logging, LoggingGuard, ReloadReport};
pub use problem::{ConfigError, MOST_PROBLEMS, Place, Problem};
pub use settings::Settings;
pub use syntax::Syntax;

use std::path::Path;

use problem::Faults;
use settings::Source;
use tree::Lookup;

/// The longest configuration that is read, in bytes.
pub const LONGEST_CONFIG: usize = 1 << 20;

impl Settings {
    /// Reads a file without installing anything; its name or else its content tells the
    /// syntax.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] when there is no such file, [`ConfigError::Invalid`] with
    /// everything that is wrong in it, and where.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let text = read_text(path).map_err(|cause| ConfigError::Unreadable {
            file: file.clone(),
            cause,
        })?;
        let syntax = Syntax::from_name(&file).unwrap_or_else(|| Syntax::from_content(&text));
        Self::parse(&file, &text, syntax, &environment).map(|settings| Self {
            source: Source::File(path.to_owned()),
            ..settings
        })
    }

    /// Reads a text; variables come from the environment.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with everything that is wrong in it, and where.
    pub fn from_str(text: &str, syntax: Syntax) -> Result<Self, ConfigError> {
        Self::parse("text", text, syntax, &environment)
    }

    /// Reads a text of a file; variables come from `lookup`.
    pub(crate) fn parse(
        file: &str,
        text: &str,
        syntax: Syntax,
        lookup: Lookup<'_>,
    ) -> Result<Self, ConfigError> {
        // Editors on one system put it in front, and no syntax here knows it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > LONGEST_CONFIG {
            let what = format!("longer than {LONGEST_CONFIG} bytes");
            return Err(ConfigError::invalid(file, vec![Problem::new(None, what)]));
        }
        let mut faults = Faults::default();
        let tree = match syntax {
            Syntax::LoggingConf => {
                let settings = logging_conf::read(file, text, lookup, &mut faults);
                return faults.into_result(file, text).map(|()| settings);
            }
            Syntax::Toml => tree::parse_toml(text),
            Syntax::Json => tree::parse_json(text),
        };
        let Some(mut tree) = faults.take(tree) else {
            faults.into_result(file, text)?;
            return Ok(Self::empty(file));
        };
        tree::expand(&mut tree, lookup, &mut faults);
        let settings = read::read(file, &tree, &mut faults);
        faults.into_result(file, text).map(|()| settings)
    }
}

/// Logs as a file says: TOML, JSON or Python's `logging.conf`.
///
/// See [`Settings::from_file`] and [`Settings::init`].
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) with everything that is wrong in the file, and
/// those of [`Settings::init`].
pub fn init_from_file(path: impl AsRef<Path>) -> Result<LoggingGuard, crate::Error> {
    Settings::from_file(path)?.init()
}

/// Logs as a text says; variables come from the environment.
///
/// See [`Settings::from_str`] and [`Settings::init`].
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) with everything that is wrong in the text, and
/// those of [`Settings::init`].
pub fn init_from_str(text: &str, syntax: Syntax) -> Result<LoggingGuard, crate::Error> {
    Settings::from_str(text, syntax)?.init()
}

/// Logs as the environment's variables say.
///
/// See [`Settings::from_env`] and [`Settings::init`].
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) with everything that is missing or wrong, and
/// those of [`Settings::init`].
pub fn init_from_env() -> Result<LoggingGuard, crate::Error> {
    Settings::from_env()?.init()
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The whole of a file that is not too long.
fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind, Read as _};

    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    let most = LONGEST_CONFIG as u64 + 1;
    file.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST_CONFIG {
        let what = format!("longer than {LONGEST_CONFIG} bytes");
        return Err(Error::new(ErrorKind::FileTooLarge, what));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "not UTF-8"))
}

#[cfg(test)]
mod tests;
