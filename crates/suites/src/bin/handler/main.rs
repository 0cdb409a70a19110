//! The handler through what may befall a process and a service:
//! `cargo xtask it --suite handler`, or one section of it with `cargo run -p suites --bin handler
//! -- --section NAME`.
//!
//! ```text
//!   this program, once              this program, again, as a child
//!     a server  <-----------------    a handler, logs with numbers, one kind of end
//!     reads a line  <-------------    what the handler said of it
//!     compares numbers that arrived with those that were logged
//! ```
//!
//! A log is lost when the call returned and the log was neither delivered nor spooled, nor given
//! to the dead letters, nor counted as dropped by a stated policy.

mod child; // a program that logs and ends
mod cost; // what the disk costs, by policy
mod counts; // what became of the logs of a section
mod exit; // a slow server and a normal end
mod faults; // kinds of runtimes x kinds of ends
mod flips; // bytes of files on disk that are not what they were
mod folder; // a folder that is gone afterwards
mod forks; // many processes of one handler
mod histogram; // how long calls took
mod kill; // processes that are killed, and what they had promised
mod outage; // a server that is away for long
mod told; // what a child tells
mod world; // the server that all log to

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};

use child::Task;
use counts::Counts;
use kill::Promises;
use outage::Outage;

/// Some of the checks.
struct Section {
    name: &'static str,
    run: fn(Settings) -> Result<Counts, Box<dyn Error>>,
}

const SECTIONS: &[Section] = &[
    Section {
        name: "faults",
        run: |_| faults::run(),
    },
    Section {
        name: "exit",
        run: |_| exit::run(),
    },
    Section {
        name: "forks",
        run: |_| forks::run(),
    },
    Section {
        name: "outage",
        run: |settings| outage::run(settings.outage),
    },
    Section {
        name: "kill",
        run: |settings| kill::run(settings.kills),
    },
    Section {
        name: "cost",
        run: |_| cost::run(),
    },
    Section {
        name: "flips",
        run: |settings| flips::run(settings.flips),
    },
];

/// What can be set to try something out.
#[derive(Debug, Clone, Copy)]
struct Settings {
    /// How long the server is away.
    outage: Duration,
    /// How many processes are killed, per policy of the spool.
    kills: u64,
    /// How many bytes are flipped.
    flips: u64,
}

enum Command {
    Suite {
        sections: Vec<&'static Section>,
        settings: Settings,
    },
    Child(Task),
    OutageChild(Outage),
    KillChild(Promises),
}

fn main() -> ExitCode {
    let command = match arguments() {
        Ok(command) => command,
        Err(error) => {
            eprintln!("handler: {error}");
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Child(task) => {
            task.run();
            ExitCode::SUCCESS
        }
        Command::OutageChild(outage) => {
            outage.run_here();
            ExitCode::SUCCESS
        }
        Command::KillChild(promises) => match promises.run_here() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("handler: {error}");
                ExitCode::FAILURE
            }
        },
        Command::Suite { sections, settings } => run(&sections, settings),
    }
}

fn run(sections: &[&Section], settings: Settings) -> ExitCode {
    let mut all = Counts::default();
    let mut good = true;
    for section in sections {
        match (section.run)(settings) {
            Ok(counts) => {
                println!("{}: {counts}", section.name);
                good &= counts.lost == 0;
                all += counts;
            }
            Err(error) => {
                println!("{}: FAILED: {error}", section.name);
                good = false;
            }
        }
    }
    println!("handler: {all}");
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn arguments() -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_env();
    let mut sections = Vec::new();
    let mut settings = Settings {
        outage: Duration::from_secs(60),
        kills: 200,
        flips: 100_000,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("child") => {
                let end = parser.value()?.string()?;
                return Ok(Command::Child(Task::parse(&end, &mut parser)?));
            }
            Arg::Long("outage-child") => {
                return Ok(Command::OutageChild(Outage::parse(&mut parser)?));
            }
            Arg::Long("kill-child") => {
                return Ok(Command::KillChild(Promises::parse(&mut parser)?));
            }
            Arg::Long("kills") => settings.kills = parser.value()?.parse()?,
            Arg::Long("flips") => settings.flips = parser.value()?.parse()?,
            Arg::Long("section") => {
                let name = parser.value()?.string()?;
                let section = SECTIONS.iter().find(|section| section.name == name);
                sections.push(section.ok_or_else(|| format!("there is no section {name:?}"))?);
            }
            Arg::Long("outage-seconds") => {
                settings.outage = Duration::from_secs(parser.value()?.parse()?);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if sections.is_empty() {
        sections = SECTIONS.iter().collect();
    }
    Ok(Command::Suite { sections, settings })
}
