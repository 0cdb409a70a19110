//! How a record becomes a line: `%(asctime)s - %(message)s` and `{asctime} - {message}`.

mod brace; // {levelname:<8}
mod date; // %(asctime)s
mod fact; // what a record can say about itself
mod layout; // width, flags and precision of one fact
mod percent; // %(levelname)-8s

pub(crate) use date::DateFormat;
#[cfg(test)]
pub(crate) use fact::FACTS;
pub(crate) use fact::{Fact, Line};

use layout::Layout;

/// How the facts of a record are marked in a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `%(message)s`
    Percent,
    /// `{message}`
    Brace,
}

/// A format that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    date: DateFormat,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(String),
    Fact(Fact, Layout),
}

/// What is wrong with a format, and the byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Malformed {
    fn new(at: usize, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { at, what }
    }
}

/// Longer formats are no formats.
pub(crate) const LONGEST: usize = 4096;

impl Default for Pattern {
    /// The message alone, as in Python.
    fn default() -> Self {
        Self {
            pieces: vec![Piece::Fact(Fact::Message, Layout::default())],
            date: DateFormat::default(),
        }
    }
}

/// What a line looks like when nothing is said about it.
pub(crate) const LINE: &str = "%(asctime)s %(levelname)-7s %(name)s: %(message)s%(fields)s";

impl Pattern {
    /// [`LINE`], read.
    pub(crate) fn line() -> Self {
        Self::parse(Style::Percent, LINE, DateFormat::default()).unwrap_or_default()
    }

    /// Reads a format.
    ///
    /// # Errors
    /// The first thing in it that is not understood.
    pub(crate) fn parse(style: Style, format: &str, date: DateFormat) -> Result<Self, Malformed> {
        if format.len() > LONGEST {
            return Err(Malformed::new(0, format!("longer than {LONGEST} bytes")));
        }
        let pieces = match style {
            Style::Percent => percent::pieces(format)?,
            Style::Brace => brace::pieces(format)?,
        };
        Ok(Self { pieces, date })
    }

    /// Whether a line is the message and nothing else.
    pub(crate) fn is_message(&self) -> bool {
        *self.pieces == [Piece::Fact(Fact::Message, Layout::default())]
    }

    /// Appends the line of a record, without a line break after it.
    ///
    /// With `color` its level stands out, for a terminal.
    pub(crate) fn write(&self, line: &Line<'_>, color: bool, out: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Fact(fact, layout) => {
                    let paint = color && *fact == Fact::LevelName;
                    if paint {
                        out.push_str(line.color());
                    }
                    fact.write(line, &self.date, layout, out);
                    if paint {
                        out.push_str("\u{1b}[0m");
                    }
                }
            }
        }
    }
}

/// Adds to the literal at the end, or begins one.
fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Literal(last)) => last.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
