//! A server on loopback that misbehaves on purpose, against `sls_client::Client`:
//! `cargo xtask it --suite hostile-server`.
//!
//! ```text
//!   this program, once for all      this program, again, once for each case
//!     starts  ------------------->    a hostile server on a thread of its own
//!                                     a client, one call or many
//!     reads one line  <-----------    what the call gave, how long, how much memory
//!     prints a row
//! ```
//!
//! A process of its own for every case, so that memory which one case freed is not given to the
//! next unnoticed, and so that a case that hangs is ended.

mod case; // what a case is, and the checks that all share
mod cases; // the cases
mod memory; // how much this process has grown
mod report; // the table
mod server; // sockets that misbehave

use std::env;
use std::io;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lexopt::{Arg, ValueExt as _};
use tokio::time::Instant;

use case::Case;
use memory::{MAX_GROWTH, Peak};
use report::{Row, Table};

/// How long one case may take before it counts as hanging; a second on a machine at rest.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(case)) => {
            run_here(&case);
            ExitCode::SUCCESS
        }
        Ok(None) => match run_all() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("hostile-server: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("hostile-server: {error}");
            ExitCode::from(2)
        }
    }
}

/// The case of `--case NAME`, if one is named.
fn arguments() -> Result<Option<Case>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let mut chosen = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("case") => {
                let name = parser.value()?.string()?;
                let case = cases::all().into_iter().find(|case| case.name == name);
                chosen = Some(case.ok_or_else(|| format!("there is no case {name:?}"))?);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(chosen)
}

fn run_all() -> io::Result<bool> {
    let program = env::current_exe()?;
    let mut table = Table::new();
    for case in cases::all() {
        let output = Command::new(&program)
            .args(["--case", case.name])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        table.add(case.name, Row::parse(&text));
    }
    println!("{table}");
    Ok(table.failed() == 0)
}

/// Runs one case and prints its row.
fn run_here(case: &Case) {
    let (done, waiting) = mpsc::channel::<()>();
    thread::spawn(move || {
        if waiting.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let row = Row::failed(format!("still running after {PATIENCE:?}"));
            println!("{}", row.to_line());
            std::process::exit(1);
        }
    });

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs nothing that could be missing");
    let peak = Peak::start();
    let (outcome, elapsed) = runtime.block_on(async {
        let began = Instant::now();
        let outcome = (case.run)().await;
        (outcome, began.elapsed())
    });
    let growth = peak.growth();
    let outcome = match growth {
        Some(bytes) if bytes > MAX_GROWTH => {
            let text = outcome.unwrap_or_else(|why| why);
            Err(format!(
                "memory grew by more than {MAX_GROWTH} bytes: {text}"
            ))
        }
        _ => outcome,
    };
    let row = Row::new(outcome, elapsed, growth);
    println!("{}", row.to_line());
    let _ = done.send(());
}
