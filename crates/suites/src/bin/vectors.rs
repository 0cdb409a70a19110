//! Runs the recorded cases: `cargo xtask vectors [--sls DIR] [--spl DIR] [--growingio DIR]`.
//!
//! Without a folder, the project's own copies are run, all three sets. With folders, only
//! the sets they are given for.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;
use suites::vectors::Set;
use testkit::{Tally, vectors};

fn main() -> ExitCode {
    let sets = match arguments() {
        Ok(sets) => sets,
        Err(error) => {
            eprintln!("vectors: {error}");
            return ExitCode::from(2);
        }
    };
    let mut good = true;
    for (set, folder) in sets {
        match set.run(&folder) {
            Ok(tally) => {
                report(set, &tally);
                good &= tally.failed().is_empty();
            }
            Err(error) => {
                eprintln!("{}: {error}", set.name());
                good = false;
            }
        }
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn arguments() -> Result<Vec<(Set, PathBuf)>, lexopt::Error> {
    let mut chosen = Vec::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        let set = match &argument {
            Long(name) => Set::ALL.into_iter().find(|set| set.name() == *name),
            _ => None,
        };
        let set = set.ok_or_else(|| argument.unexpected())?;
        chosen.push((set, PathBuf::from(parser.value()?)));
    }
    if chosen.is_empty() {
        chosen = Set::ALL.map(|set| (set, vectors(set.name()))).to_vec();
    }
    Ok(chosen)
}

/// A line for every case that did not pass, what else there is to tell, the counts last.
fn report(set: Set, tally: &Tally) {
    let name = set.name();
    for (case, what) in tally.pending() {
        println!("{name}: pending {case}: {what}");
    }
    for (case, difference) in tally.failed() {
        println!("{name}: FAILED {case}: {difference}");
    }
    for remark in tally.remarks() {
        println!("{name}: {remark}");
    }
    println!("{name}: {tally}");
    let _ = io::Write::flush(&mut io::stdout());
}
