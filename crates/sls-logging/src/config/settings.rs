//! What a configuration comes to: loggers and handlers, known good.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::pattern::Pattern;
use super::setting::Given;
use super::threshold::Threshold;

/// More handlers are a mistake; the set of those that a logger uses is one number.
pub(crate) const MOST_HANDLERS: usize = 64;

/// A configuration that was read and checked.
///
/// `Debug` shows everything but secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where it comes from, for errors.
    pub(crate) file: String,
    pub(crate) source: Source,
    /// The root first; names differ.
    pub(crate) loggers: Vec<LoggerSettings>,
    /// Names differ.
    pub(crate) handlers: Vec<HandlerSettings>,
}

impl Settings {
    /// Nothing at all, for what could not be read.
    pub(crate) fn empty(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            source: Source::Text,
            loggers: Vec::new(),
            handlers: Vec::new(),
        }
    }

    /// Whether some logger names the handler of this index.
    pub(crate) fn is_used(&self, index: usize) -> bool {
        self.loggers
            .iter()
            .any(|logger| logger.handlers.contains(&index))
    }
}

/// Where settings can be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Environment,
    /// Nowhere.
    Text,
}

/// What is set for records of one name and those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggerSettings {
    pub(crate) name: LoggerName,
    /// `None` inherits.
    pub(crate) level: Option<Threshold>,
    /// Indexes of [`Settings::handlers`].
    pub(crate) handlers: Vec<usize>,
    /// Whether the handlers of the loggers above get its records, too.
    pub(crate) propagate: bool,
}

/// The parts of a name: `a.b` and `a::b` are the same; none at all is the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LoggerName(Vec<String>);

/// Where records go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HandlerSettings {
    pub(crate) name: String,
    pub(crate) level: Threshold,
    pub(crate) pattern: Pattern,
    pub(crate) target: TargetSettings,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TargetSettings {
    Console {
        stream: Stream,
        color: Color,
    },
    /// What was given of [`SETTINGS`](super::sls::SETTINGS), by key.
    Sls(BTreeMap<&'static str, Given>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Whether levels stand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    Never,
}

impl LoggerName {
    pub(crate) const ROOT: Self = Self(Vec::new());

    /// Reads `a.b` or `a::b`.
    ///
    /// # Errors
    /// What would be right.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let parts = Self::split(name).map(str::to_owned).collect::<Vec<_>>();
        if parts.iter().any(String::is_empty) {
            return Err(
                "no name of a logger: parts are separated by `.` or `::` and are not empty"
                    .to_owned(),
            );
        }
        Ok(Self(parts))
    }

    /// The parts of a record's target.
    pub(crate) fn split(name: &str) -> impl Iterator<Item = &str> {
        name.split("::").flat_map(|part| part.split('.'))
    }

    pub(crate) fn parts(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_colons_separate_alike() {
        let dotted = LoggerName::parse("shop.cart.db").unwrap();
        assert_eq!(LoggerName::parse("shop::cart::db"), Ok(dotted.clone()));
        assert_eq!(LoggerName::parse("shop::cart.db"), Ok(dotted));
        for wrong in ["", "a..b", "a::", ".a", "::"] {
            assert!(LoggerName::parse(wrong).is_err(), "{wrong}");
        }
        // A single colon is part of a name.
        assert_eq!(LoggerName::parse("a:b").unwrap().parts(), ["a:b"]);
    }
}
