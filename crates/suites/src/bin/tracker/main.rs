//! The tracker before a collector that is in trouble: `cargo xtask it --suite tracker`.
//!
//! ```text
//!   trouble.rs    what happens to the collector, and when
//!   load.rs       four callers with events that can be told apart
//!   ledger.rs     what was taken, what arrived, what is missing
//!   beside.rs     the same calls from the Python package, and the same records
//! ```
//!
//! `--short` makes every trouble only as long as it needs to be noticed.

mod beside;
mod ledger;
mod load;
mod trouble;

use std::process::ExitCode;

use lexopt::Arg;
use suites::clients::Result;

use ledger::Ledger;
use trouble::{Strategy, Trouble};

fn main() -> ExitCode {
    let short = match arguments() {
        Ok(short) => short,
        Err(error) => {
            eprintln!("tracker: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs nothing that could be missing");
    match runtime.block_on(run(short)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tracker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> std::result::Result<bool, lexopt::Error> {
    let mut short = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("short") => short = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(short)
}

async fn run(short: bool) -> Result<bool> {
    let mut good = beside::compare().await?;
    println!("{}", Ledger::HEAD);
    let mut total = Ledger::default();
    for trouble in Trouble::ALL {
        for strategy in Strategy::ALL {
            let ledger = trouble.run(strategy, short).await?;
            println!("{ledger}");
            for wrong in &ledger.wrong {
                println!("  FAILED: {wrong}");
                good = false;
            }
            total.add(&ledger);
        }
    }
    let Ledger {
        events,
        lost,
        duplicates,
        ..
    } = total;
    println!("tracker: {events} events, {lost} lost, {duplicates} duplicates");
    Ok(good && lost == 0)
}
