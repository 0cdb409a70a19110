//! Repository commands: `cargo xtask --help`.

// The commands.
mod bench; // against published clients
mod budget; // how many packages a crate brings along
mod ci; // every check, in order
mod codegen; // protobuf schemas to Rust
mod doc; // the documentation and its links
mod features; // every feature set
mod fuzz; // the fuzz targets
mod it; // integration suites
mod sim; // consumer groups under virtual time
mod tidy; // rules about the repository
mod vectors; // recorded case sets

// What they share.
mod command; // what a command is
mod files; // the text files of the repository
mod links; // links between Markdown files
mod metadata; // what cargo knows about the crates
mod stopwatch; // how long a step took
mod workspace; // where the repository is, and how its programs are run

use std::process::ExitCode;

use command::{Command, Outcome, Result};
use workspace::Workspace;

const COMMANDS: &[&Command] = &[
    &ci::COMMAND,
    &tidy::COMMAND,
    &codegen::COMMAND,
    &features::COMMAND,
    &vectors::COMMAND,
    &doc::COMMAND,
    &it::COMMAND,
    &sim::COMMAND,
    &budget::COMMAND,
    &fuzz::COMMAND,
    &bench::COMMAND,
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let workspace = Workspace::find()?;
    let mut args: Vec<_> = std::env::args_os().skip(1).collect();
    if args.is_empty() {
        print!("{}", overview());
        return Ok(());
    }
    let first = args.remove(0).to_string_lossy().into_owned();
    let wants_help = |arg: &std::ffi::OsString| arg == "--help" || arg == "-h";
    if matches!(first.as_str(), "help" | "--help" | "-h") {
        match args.first() {
            None => print!("{}", overview()),
            Some(name) => print!("{}", help(find(&name.to_string_lossy())?)),
        }
        return Ok(());
    }
    let command = find(&first)?;
    if args.iter().any(wants_help) {
        print!("{}", help(command));
        return Ok(());
    }
    if let Outcome::Skipped(why) = (command.run)(&workspace, lexopt::Parser::from_args(args))? {
        eprintln!("xtask {first}: SKIPPED: {why}");
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Command> {
    COMMANDS
        .iter()
        .copied()
        .find(|command| command.name == name)
        .ok_or_else(|| format!("there is no command `{name}`; see `cargo xtask --help`").into())
}

fn overview() -> String {
    let mut text = String::from(
        "Repository commands.\n\nUsage: cargo xtask COMMAND [ARGUMENTS]\n       cargo xtask COMMAND --help\n\n",
    );
    let width = COMMANDS
        .iter()
        .map(|command| command.name.len())
        .max()
        .unwrap_or(0);
    for command in COMMANDS {
        text.push_str(&format!("  {:width$}  {}\n", command.name, command.about));
    }
    text.push_str(
        "\nBefore sending a change: `cargo xtask ci`, the same as `bash .ci/run`.\n\
         Where things are and which way the arrows point: docs/architecture.md.\n",
    );
    text
}

fn help(command: &Command) -> String {
    format!(
        "{}.\n\nUsage: cargo xtask {}{}{}\n\n{}\n",
        command.about,
        command.name,
        if command.usage.is_empty() { "" } else { " " },
        command.usage,
        command.help.trim_end()
    )
}
