//! From which level on something passes.

use crate::level::Level;

/// What passes: everything at least as grave.
///
/// Python counts levels: DEBUG 10, INFO 20, WARNING 30, ERROR 40, CRITICAL 50. Rust has no
/// level above error, so CRITICAL and FATAL let errors pass here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Threshold {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The names that are understood, in any case, and what they mean.
///
/// NOTSET is not among them: what it means depends on where it is written.
const NAMES: [(&str, Threshold); 9] = [
    ("trace", Threshold::Trace),
    ("debug", Threshold::Debug),
    ("info", Threshold::Info),
    ("warn", Threshold::Warn),
    ("warning", Threshold::Warn),
    ("error", Threshold::Error),
    ("critical", Threshold::Error),
    ("fatal", Threshold::Error),
    ("off", Threshold::Off),
];

impl Threshold {
    /// What passes a logger for which nothing is set: the same as in Python.
    pub(crate) const ROOT: Self = Self::Warn;

    /// The threshold of a name; `Ok(None)` for NOTSET.
    ///
    /// # Errors
    /// What would be right.
    pub(crate) fn from_name(name: &str) -> Result<Option<Self>, String> {
        let lower = name.trim().to_ascii_lowercase();
        if lower == "notset" {
            return Ok(None);
        }
        let known = NAMES.iter().find(|(name, _)| *name == lower);
        known.map(|(_, level)| Some(*level)).ok_or_else(|| {
            let names = NAMES.iter().map(|(name, _)| *name);
            super::nearest::unknown("level", &lower, names.chain(["notset"]))
        })
    }

    /// The threshold of one of Python's numbers; `None` for NOTSET, which is 0.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            ..=0 => return None,
            1..=5 => Self::Trace,
            6..=10 => Self::Debug,
            11..=20 => Self::Info,
            21..=30 => Self::Warn,
            31..=50 => Self::Error,
            51.. => Self::Off,
        })
    }

    /// Whether a record of this level passes.
    pub(crate) fn passes(self, level: Self) -> bool {
        level <= self && level != Self::Off
    }

    /// The name of a record's level, as Python writes it.
    pub(crate) fn python_name(self) -> &'static str {
        match self {
            Self::Off => "CRITICAL",
            Self::Error => "ERROR",
            Self::Warn => "WARNING",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    /// The number of a record's level, as Python counts.
    pub(crate) fn python_number(self) -> i64 {
        match self {
            Self::Off => 50,
            Self::Error => 40,
            Self::Warn => 30,
            Self::Info => 20,
            Self::Debug => 10,
            Self::Trace => 5,
        }
    }
}

impl From<Level> for Threshold {
    /// The threshold that lets this level pass and nothing less grave.
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

#[cfg(feature = "log")]
impl From<Threshold> for log::LevelFilter {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Off => Self::Off,
            Threshold::Error => Self::Error,
            Threshold::Warn => Self::Warn,
            Threshold::Info => Self::Info,
            Threshold::Debug => Self::Debug,
            Threshold::Trace => Self::Trace,
        }
    }
}

#[cfg(feature = "tracing")]
impl From<Threshold> for tracing_core::LevelFilter {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Off => Self::OFF,
            Threshold::Error => Self::ERROR,
            Threshold::Warn => Self::WARN,
            Threshold::Info => Self::INFO,
            Threshold::Debug => Self::DEBUG,
            Threshold::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(Threshold::from_name("DEBUG"), Ok(Some(Threshold::Debug)));
        assert_eq!(Threshold::from_name("Warning"), Ok(Some(Threshold::Warn)));
        assert_eq!(Threshold::from_name("NOTSET"), Ok(None));
        let error = Threshold::from_name("warnig").unwrap_err();
        assert!(error.contains("did you mean `warning`"), "{error}");
    }

    #[test]
    fn a_number_lets_pass_what_is_at_least_as_grave() {
        for level in [
            Threshold::Trace,
            Threshold::Debug,
            Threshold::Info,
            Threshold::Warn,
            Threshold::Error,
        ] {
            for number in 1..=40 {
                let threshold = Threshold::from_number(number).unwrap();
                assert_eq!(
                    threshold.passes(level),
                    level.python_number() >= number,
                    "{level:?} at {number}"
                );
            }
        }
        assert_eq!(Threshold::from_number(0), None);
        // CRITICAL is an error here.
        assert_eq!(Threshold::from_number(50), Some(Threshold::Error));
        assert_eq!(Threshold::from_number(51), Some(Threshold::Off));
    }

    #[test]
    fn off_lets_nothing_pass() {
        assert!(!Threshold::Off.passes(Threshold::Error));
        assert!(Threshold::Error.passes(Threshold::Error));
        assert!(!Threshold::Error.passes(Threshold::Warn));
    }
}
