//! What a repository command is, and what it can come to.

use std::error::Error;

use crate::workspace::Workspace;

/// The result of anything here. Errors are text for a person.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One command of `cargo xtask`.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The arguments, as the usage line shows them.
    pub(crate) usage: &'static str,
    /// One line for the overview.
    pub(crate) about: &'static str,
    /// What `cargo xtask NAME --help` says after the first line.
    pub(crate) help: &'static str,
    /// Does the work with the arguments that follow the name.
    pub(crate) run: fn(&Workspace, lexopt::Parser) -> Result<Outcome>,
}

/// How a command ended when it did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Nothing was wrong, but nothing was shown either; the text says why.
    Skipped(String),
}
