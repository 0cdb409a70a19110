//! The functions, operators and casts of SPL beside the engine they are modelled on.
//!
//! ```text
//!   subjects/    expressions and the rows they run over, made from the table of functions
//!     |-- ours      `* | extend r = <expression>`
//!     |-- theirs    the same expression over the same values, in the engine
//!     '-- verdict   equal, an intended difference, or a failure
//! ```

mod datum; // typed values
mod domain; // what arguments may be
mod intended; // differences that are meant to be
mod ours; // this side
mod outcome; // what an expression gives for a row
mod subject; // an expression and its rows
mod subjects; // all of them
mod theirs; // the other side
mod verdict; // how the two sides compare

use std::process::ExitCode;

use lexopt::{Arg, ValueExt as _};
use suites::clients::python::{Packages, Python};
use suites::clients::skip::Skip;
use suites::clients::{Result, build, chain};

use verdict::Verdict;

const SUITE: &str = "spl-oracle";
const PACKAGE: &str = "pyvelox";

/// The seed unless another is asked for; with it every intended difference must be seen.
const SEED: u64 = 20_231_111;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(Ok(verdict)) => {
            println!("\n{verdict}");
            verdict.exit_code()
        }
        Ok(Err(skip)) => skip.announce(SUITE),
        Err(failure) => {
            eprintln!("{SUITE}: {}", chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Result<Verdict, Skip>> {
    let seed = seed(lexopt::Parser::from_env())?;
    let python = match Python::prepare(&build::target_dir()?, Packages::ENGINE).await {
        Ok(python) => python,
        Err(skip) => return Ok(Err(skip)),
    };
    println!(
        "{PACKAGE} {}, seed {seed}",
        python.version_of(PACKAGE).await?
    );
    let subjects = subjects::all(seed);
    let theirs = theirs::evaluate(&python, &subjects).await?;
    let mut verdict = Verdict::new();
    for (subject, theirs) in subjects.iter().zip(&theirs) {
        let ours = ours::evaluate(&subject.ours, &subject.kinds, &subject.rows);
        verdict.judge(subject, &ours, theirs);
    }
    if seed == SEED {
        verdict.refuse_idle_differences();
    }
    Ok(Ok(verdict))
}

/// Reads `--seed N`.
fn seed(mut args: lexopt::Parser) -> Result<u64> {
    let mut seed = SEED;
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("seed") => seed = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(seed)
}
