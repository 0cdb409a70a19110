//! `cargo xtask fuzz`: the targets in fuzz/, each for a while.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command as Process, Stdio};

use lexopt::{Arg, ValueExt as _};

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;

const FOLDER: &str = "fuzz";

/// How long a target runs unless told otherwise, in seconds.
const DEFAULT_SECONDS: u64 = 120;

/// What libFuzzer says at its end when it is asked for statistics.
const EXECUTIONS: &str = "stat::number_of_executed_units:";

pub(crate) const COMMAND: Command = Command {
    name: "fuzz",
    usage: "[--seconds N] [--address] [--list] [TARGET..]",
    about: "Run the fuzz targets, each for a while",
    help: "\
A target is a file in fuzz/fuzz_targets/ with an entry in fuzz/Cargo.toml. It starts from the
files in fuzz/corpus/TARGET/; what it finds on the way stays in fuzz/target/corpus/TARGET/, and
an input that fails is kept in fuzz/artifacts/TARGET/.
Needs a nightly compiler (`rustup toolchain install nightly`) and cargo-fuzz
(`cargo install cargo-fuzz`); without them it says so and runs nothing.

  --seconds N   how long each target runs; 120 unless given
  --address     with AddressSanitizer: ten times slower, and for the targets whose dependencies
                have unsafe code, such as compressed_body
  --list        name the targets, run nothing
  TARGET..      run only these",
    run,
};

fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<Outcome> {
    let plan = plan(args, &targets(workspace)?)?;
    if plan.list {
        for target in plan.targets {
            println!("{target}");
        }
        return Ok(Outcome::Done);
    }
    if let Some(missing) = missing() {
        return Ok(Outcome::Skipped(missing.to_owned()));
    }
    for target in &plan.targets {
        let executions = fuzz(workspace, target, &plan)?;
        println!("fuzz: {target}: {executions} executions without a finding");
    }
    Ok(Outcome::Done)
}

struct Plan {
    targets: Vec<String>,
    seconds: u64,
    address: bool,
    list: bool,
}

fn plan(mut args: lexopt::Parser, known: &[String]) -> Result<Plan> {
    let mut plan = Plan {
        targets: Vec::new(),
        seconds: DEFAULT_SECONDS,
        address: false,
        list: false,
    };
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("seconds") => plan.seconds = args.value()?.parse()?,
            Arg::Long("address") => plan.address = true,
            Arg::Long("list") => plan.list = true,
            Arg::Value(name) => {
                let name = name.string()?;
                if !known.contains(&name) {
                    return Err(format!(
                        "fuzz: there is no target `{name}`; see `cargo xtask fuzz --list`"
                    )
                    .into());
                }
                plan.targets.push(name);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    if plan.targets.is_empty() {
        plan.targets = known.to_vec();
    }
    Ok(plan)
}

/// The targets by name, in order.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let manifest = fs::read_to_string(workspace.root().join(FOLDER).join("Cargo.toml"))?;
    let mut targets = names_of_programs(&manifest);
    targets.sort();
    Ok(targets)
}

/// The `name` of every `[[bin]]` of a manifest.
fn names_of_programs(manifest: &str) -> Vec<String> {
    manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|table| {
            let name = table
                .lines()
                .find_map(|line| line.trim().strip_prefix("name = "))?;
            Some(name.trim_matches('"').to_owned())
        })
        .collect()
}

/// What has to be installed first, if anything.
fn missing() -> Option<&'static str> {
    let answers = |args: &[&str]| {
        Process::new("rustup")
            .args(["run", "nightly", "cargo"])
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !answers(&["--version"]) {
        Some("needs a nightly compiler: rustup toolchain install nightly")
    } else if !answers(&["fuzz", "--version"]) {
        Some("needs cargo-fuzz: cargo install cargo-fuzz")
    } else {
        None
    }
}

/// Runs one target and gives the number of its executions.
fn fuzz(workspace: &Workspace, target: &str, plan: &Plan) -> Result<u64> {
    let folder = workspace.root().join(FOLDER);
    let found = format!("target/corpus/{target}");
    fs::create_dir_all(folder.join(&found))?;
    let sanitizer = if plan.address { "address" } else { "none" };
    let mut command = Process::new("rustup");
    command
        .args(["run", "nightly", "cargo", "fuzz", "run"])
        .args(["--sanitizer", sanitizer, target, &found])
        .arg(format!("corpus/{target}"))
        .args(["--", "-print_final_stats=1"])
        .arg(format!("-max_total_time={}", plan.seconds))
        .current_dir(&folder)
        // It names the stable compiler that runs this program.
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| format!("cannot run rustup: {error}"))?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        said.extend(
            BufReader::new(stderr)
                .lines()
                .map_while(std::result::Result::ok),
        );
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("fuzz: {target} failed:\n{}", said.join("\n")).into());
    }
    executions(&said).ok_or_else(|| format!("fuzz: {target} did not say what it ran").into())
}

fn executions(said: &[String]) -> Option<u64> {
    let count = said.iter().find_map(|line| line.strip_prefix(EXECUTIONS))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_targets() {
        let manifest = "[package]\nname = \"fuzz\"\n\n[[bin]]\nname = \"b\"\npath = \"b.rs\"\n\n[[bin]]\nname = \"a\"\n";
        assert_eq!(names_of_programs(manifest), ["b", "a"]);
    }

    #[test]
    fn all_targets_run_for_two_minutes_unless_told_otherwise() {
        let known = ["a".to_owned(), "b".to_owned()];
        let plan_of = |args: &[&str]| plan(lexopt::Parser::from_args(args.iter().copied()), &known);
        let all = plan_of(&[]).unwrap();
        assert_eq!((all.targets.len(), all.seconds), (2, DEFAULT_SECONDS));
        let one = plan_of(&["--seconds", "5", "b"]).unwrap();
        assert_eq!((one.targets.as_slice(), one.seconds), (&known[1..], 5));
        assert!(plan_of(&["c"]).is_err());
    }

    #[test]
    fn the_count_of_executions_is_read_from_the_statistics() {
        let said = ["INFO: x", "stat::number_of_executed_units: 1234"].map(str::to_owned);
        assert_eq!(executions(&said), Some(1234));
        assert_eq!(executions(&said[..1]), None);
    }
}
