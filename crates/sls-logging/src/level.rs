use std::fmt;

/// How severe a record is, the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Finest detail. Python's `logging` has no such level; its number here is 5.
    Trace,
    /// Detail for developers; 10.
    Debug,
    /// What happens in normal operation; 20.
    Info,
    /// Something unexpected that was coped with; 30.
    Warn,
    /// Something failed; 40.
    Error,
}

impl Level {
    /// All levels, the least severe first.
    pub const ALL: [Self; 5] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
    ];

    /// The text that is uploaded as `level`.
    pub const fn name(self, names: LevelNames) -> &'static str {
        match (self, names) {
            (Self::Trace, _) => "TRACE",
            (Self::Debug, _) => "DEBUG",
            (Self::Info, _) => "INFO",
            (Self::Warn, LevelNames::Documented) => "WARNING",
            (Self::Warn, LevelNames::Rust) => "WARN",
            (Self::Error, _) => "ERROR",
        }
    }

    /// The number that is uploaded as `level_no`, as in Python's `logging`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Trace => 5,
            Self::Debug => 10,
            Self::Info => 20,
            Self::Warn => 30,
            Self::Error => 40,
        }
    }

    /// The level of that name, in either case and either spelling; `CRITICAL` and `FATAL`,
    /// which exist in Python, are errors here.
    pub fn from_name(name: &str) -> Option<Self> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name {
            _ if is("trace") => Some(Self::Trace),
            _ if is("debug") => Some(Self::Debug),
            _ if is("info") => Some(Self::Info),
            _ if is("warn") || is("warning") => Some(Self::Warn),
            _ if is("error") || is("critical") || is("fatal") => Some(Self::Error),
            _ => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name(LevelNames::Rust))
    }
}

#[cfg(feature = "tracing")]
impl From<tracing_core::Level> for Level {
    fn from(level: tracing_core::Level) -> Self {
        match level {
            tracing_core::Level::TRACE => Self::Trace,
            tracing_core::Level::DEBUG => Self::Debug,
            tracing_core::Level::INFO => Self::Info,
            tracing_core::Level::WARN => Self::Warn,
            tracing_core::Level::ERROR => Self::Error,
        }
    }
}

#[cfg(feature = "log")]
impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Trace => Self::Trace,
            log::Level::Debug => Self::Debug,
            log::Level::Info => Self::Info,
            log::Level::Warn => Self::Warn,
            log::Level::Error => Self::Error,
        }
    }
}

/// How levels are spelled. They differ in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LevelNames {
    /// As the official handler uploads them, so that its queries and alarms go on working: a
    /// warning is `WARNING`.
    #[default]
    Documented,
    /// As Rust programs print them: a warning is `WARN`.
    Rust,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_level() {
        for level in Level::ALL {
            for names in [LevelNames::Documented, LevelNames::Rust] {
                assert_eq!(Level::from_name(level.name(names)), Some(level));
            }
        }
        assert_eq!(Level::from_name("Critical"), Some(Level::Error));
        assert_eq!(Level::from_name("loud"), None);
    }

    #[test]
    fn numbers_grow_with_the_level() {
        assert!(Level::ALL.is_sorted_by_key(|level| level.number()));
        assert!(Level::ALL.is_sorted());
    }
}
