//! Runs other languages' clients against the local server.
//!
//! ```text
//!   suite (a program in src/bin/)
//!     |-- ServerProcess     sls-local as a child: ready when it says so, ended with SIGTERM
//!     |-- Python, ..        an interpreter with the client under test, or a Skip
//!     |-- Program           one program in that language: JSON in, one line of JSON out
//!     '-- Table             a row for each check, and the exit code
//! ```
//!
//! A child process is killed when what holds it is dropped, so a suite that fails leaves
//! none behind.

pub mod build; // programs of this workspace
pub mod groups; // log groups as JSON
pub mod program; // a child process with a time limit
pub mod python; // an interpreter with pinned packages
pub mod server; // sls-local as a child process
pub mod skip; // why a suite could not run
pub mod table; // what the checks gave

/// Why a check or a suite failed, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What can fail in a suite.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The failure and all its causes on one line.
pub fn chain(failure: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(failure), |failure| failure.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
