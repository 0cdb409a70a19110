//! `sls-local --data` killed over and over while it is written to:
//! `cargo xtask it --suite durability`.
//!
//! ```text
//!   each cycle:  start -> everything acknowledged so far is there -> write from many tasks
//!                  ^                                                        |
//!                  +------------------------- kill -9 ----------------------+
//! ```
//!
//! What was acknowledged must be there, once and whole. What was sent and not acknowledged may
//! be there or not.

mod folders; // folders that are refused
mod full; // a disk without room
mod kill; // the cycles
mod ledger; // what was sent, and what was acknowledged
mod load; // the tasks that write
mod server; // the program, its clients and its folder
mod start; // how long a start takes

use std::process::ExitCode;

use lexopt::Arg;
use suites::clients::skip::Skip;
use suites::clients::table::{Subject, Table};
use suites::clients::{Result, build, chain};

use kill::Outcome;
use server::Program;

const SUITE: &str = "durability";
/// How many times the server is killed unless told otherwise.
const CYCLES: u32 = 200;
/// How much is stored before a start is timed, in MiB, unless the run is a short one.
const STORED_MIB: u64 = 256;
const STORED_MIB_SHORT: u64 = 96;
/// A run of fewer cycles is a short one.
const SHORT: u32 = 50;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let cycles = match cycles() {
        Ok(cycles) => cycles,
        Err(error) => {
            eprintln!("{SUITE}: {error}");
            return ExitCode::from(2);
        }
    };
    if cfg!(not(unix)) {
        return Skip::new("needs a system that kills programs as Unix does").announce(SUITE);
    }
    match run(cycles).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{SUITE}: FAILED: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn cycles() -> Result<u32, lexopt::Error> {
    use lexopt::ValueExt as _;

    let mut parser = lexopt::Parser::from_env();
    let mut cycles = CYCLES;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("cycles") => cycles = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(cycles)
}

async fn run(cycles: u32) -> Result<ExitCode> {
    let program = Program::copy_of(&build::build("sls-local").await?)?;
    let mut table = Table::new(SUITE);
    let server = Subject::server();

    folders::check(&mut table, &program).await;
    full::check(&mut table, &program).await;
    let mib = if cycles < SHORT {
        STORED_MIB_SHORT
    } else {
        STORED_MIB
    };
    start::check(&mut table, &program, mib).await;

    let outcome = kill::run(&program, cycles).await;
    let (result, line) = match outcome {
        Ok(outcome) => (outcome.verdict(), outcome.to_string()),
        Err(error) => (Err(error), Outcome::default().to_string()),
    };
    table.add(&server, "kill -9 under load", result);
    println!("{table}");
    println!("{SUITE}: {line}");
    Ok(table.exit_code())
}
