//! Runs other languages' clients against the local server.
//!
//! ```text
//!   suite (a program in src/bin/)
//!     |-- ServerProcess     sls-local as a child: ready when it says so, ended with SIGTERM
//!     |-- Python, RustClients, GoClients, JavaClients
//!     |                     the programs around the clients under test, or a Skip
//!     |-- World             the server, our client, and what leads other clients there
//!     |-- Program           one program in that language: JSON in, one line of JSON out
//!     '-- Table             a row for each check, and the exit code
//! ```
//!
//! A child process is killed when what holds it is dropped, so a suite that fails leaves
//! none behind.

pub mod build; // programs of this workspace
pub mod checks; // what every client should manage, whatever its language
pub mod go; // programs around the official Go client
pub mod groups; // log groups as JSON
pub mod java; // programs around the official Java clients
pub mod mixed; // a consumer group of theirs and ours
pub mod program; // a child process with a time limit
pub mod python; // an interpreter with pinned packages
pub mod rust; // programs around the official Rust clients
pub mod samples; // log groups that are hard to carry
pub mod server; // sls-local as a child process
pub mod skip; // why a suite could not run
pub mod table; // what the checks gave
pub mod takeover; // a consumer group of two, one of which is killed
pub mod world; // a server, its keys, and the programs of another language

use std::process::ExitCode;

/// Why a check or a suite failed, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What can fail in a suite.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Ends a suite: prints its results, why there are none, or what went wrong around them.
pub fn conclude(suite: &str, results: Result<Result<table::Table, skip::Skip>>) -> ExitCode {
    match results {
        Ok(Ok(table)) => {
            println!("\n{table}");
            table.exit_code()
        }
        Ok(Err(skip)) => skip.announce(suite),
        Err(failure) => {
            eprintln!("{suite}: {}", chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// The failure and all its causes on one line.
pub fn chain(failure: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(failure), |failure| failure.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
