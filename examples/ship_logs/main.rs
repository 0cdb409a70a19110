//! Ships what a program logs, by configuration alone.
//!
//! Without arguments it needs nothing: it starts a server in this process, runs itself once
//! for each configuration beside it, and shows what arrived. With a configuration it is the
//! program, and the file says where the logs go.
//!
//! ```text
//! cargo run --example ship_logs
//! cargo run --example ship_logs -- --config examples/ship_logs/logging.toml
//! ```

mod demo;
mod program;

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Ships what a program logs, by configuration alone.

Usage: cargo run --example ship_logs -- [OPTIONS]

  --config FILE     logs as this file says: TOML, JSON or Python's logging.conf
                    [default: shows what each of the bundled ones does]
  --help            prints this
";

fn main() -> ExitCode {
    let outcome = match configuration() {
        Ok(Task::Help) => std::io::stdout()
            .write_all(HELP.as_bytes())
            .map_err(Into::into),
        Ok(Task::Program(file)) => program::run(&file),
        Ok(Task::Show) => show(),
        Err(error) => {
            eprintln!("ship_logs: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ship_logs: {error}");
            ExitCode::FAILURE
        }
    }
}

enum Task {
    Help,
    Program(PathBuf),
    Show,
}

fn configuration() -> Result<Task, lexopt::Error> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_env();
    let mut task = Task::Show;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config") => task = Task::Program(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(Task::Help),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(task)
}

#[tokio::main]
async fn show() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    for configuration in demo::CONFIGURATIONS {
        let run = demo::run(configuration).await?;
        writeln!(out, "{configuration}")?;
        for line in run.console.lines() {
            writeln!(out, "  on the console: {line}")?;
        }
        for log in run.logs {
            writeln!(out, "  in the logstore, topic {:?}:", run.topic)?;
            for (key, value) in log {
                // A backtrace is long; its first lines tell what it is.
                let lines = value.lines().take(3).collect::<Vec<_>>();
                writeln!(out, "    {key:<12} {}", lines.join("\n                 "))?;
            }
        }
    }
    Ok(())
}
