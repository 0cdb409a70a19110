//! What is wrong with a configuration, and where.

use std::fmt;
use std::io;

/// A place in a text; line and column count from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The character in the line.
    pub column: u32,
}

impl Place {
    /// The place of a byte; past the end means the end.
    pub(crate) fn of(text: &str, byte: usize) -> Self {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: count(before.bytes().filter(|b| *b == b'\n').count()),
            column: count(before[start..].chars().count()),
        }
    }
}

fn count(earlier: usize) -> u32 {
    u32::try_from(earlier).map_or(u32::MAX, |earlier| earlier.saturating_add(1))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong with a configuration, and what would be right.
///
/// It names keys and sections and never shows a value: a value in the wrong place may be
/// a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    place: Option<Place>,
    what: String,
}

impl Problem {
    pub(crate) fn new(place: impl Into<Option<Place>>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }

    /// Where it is; `None` for what comes from the environment or is not there at all.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// What is wrong, and what would be right.
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// A problem whose line has not been counted yet.
///
/// Reading keeps bytes only, since counting lines for every value would make the time
/// quadratic in the length of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The byte of the text.
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(at: usize, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { at, what }
    }
}

/// What was found wrong so far; it forgets what comes after [`MOST_PROBLEMS`].
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, at: usize, what: impl Into<String>) {
        self.push(Fault::new(at, what));
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        if self.0.len() < MOST_PROBLEMS {
            self.0.push(fault);
        }
    }

    /// The value, or `None` and its fault noted.
    pub(crate) fn take<T>(&mut self, outcome: Result<T, Fault>) -> Option<T> {
        outcome.map_err(|fault| self.push(fault)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The error of a file, unless all is well.
    pub(crate) fn into_result(self, file: &str, text: &str) -> Result<(), ConfigError> {
        if self.is_empty() {
            return Ok(());
        }
        let problems = self.0.into_iter().map(|fault| Problem {
            place: Some(Place::of(text, fault.at)),
            what: fault.what,
        });
        Err(ConfigError::invalid(file, problems.collect()))
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {file}")]
    Unreadable {
        /// The file as it was asked for.
        file: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It was read, and cannot be followed.
    #[error("{}", one_line(.file, .problems))]
    Invalid {
        /// The file, or where else the configuration came from.
        file: String,
        /// Everything that is wrong, in the order of the text; at least one, at most
        /// [`MOST_PROBLEMS`].
        problems: Vec<Problem>,
    },
}

/// The most problems that one error lists; the first ones explain the rest.
pub const MOST_PROBLEMS: usize = 20;

impl ConfigError {
    pub(crate) fn invalid(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        problems.truncate(MOST_PROBLEMS);
        Self::Invalid {
            file: file.to_owned(),
            problems,
        }
    }

    /// There is nothing to read again.
    pub(crate) fn not_a_file(file: &str) -> Self {
        let what = "did not come from a file or the environment, so it cannot be read again; \
                    use `reload_from` or `reload_with`";
        Self::invalid(file, vec![Problem::new(None, what)])
    }

    /// What is wrong with the configuration; empty when it could not be read at all.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Invalid { problems, .. } => problems,
        }
    }
}

fn one_line(file: &str, problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| match problem.place {
        Some(place) => format!("{file}:{place}: {}", problem.what),
        None => format!("{file}: {}", problem.what),
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_and_not_bytes() {
        let text = "a = 1\nname = \"日志\" x";
        let byte = text.find('x').unwrap();
        assert_eq!(
            Place::of(text, byte),
            Place {
                line: 2,
                column: 13
            }
        );
        assert_eq!(Place::of(text, 0), Place { line: 1, column: 1 });
    }

    #[test]
    fn a_byte_inside_a_character_or_past_the_end_has_a_place() {
        let text = "日";
        assert_eq!(Place::of(text, 1), Place { line: 1, column: 1 });
        assert_eq!(Place::of(text, 99), Place { line: 1, column: 2 });
    }

    #[test]
    fn an_error_is_one_line_in_the_order_of_the_text() {
        let place = |line| Place { line, column: 3 };
        let error = ConfigError::invalid(
            "logging.toml",
            vec![
                Problem::new(place(9), "second"),
                Problem::new(place(2), "first"),
                Problem::new(place(2), "first"),
            ],
        );
        assert_eq!(
            error.to_string(),
            "logging.toml:2:3: first; logging.toml:9:3: second"
        );
    }
}
