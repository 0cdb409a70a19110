//! `cargo xtask it`: integration suites, which need more than a test may.

use std::process::{Command as Process, Stdio};

use lexopt::{Arg, ValueExt as _};

use crate::command::{Command, Outcome, Result};
use crate::stopwatch::Stopwatch;
use crate::workspace::Workspace;

/// A program that runs several crates together, and ends with [`SKIPPED`] when it cannot.
struct Suite {
    name: &'static str,
    about: &'static str,
    /// One of these programs must be there; without any the suite is skipped.
    needs: &'static [&'static str],
    /// What cargo builds and runs.
    start: Start,
    /// What it is always told.
    args: &'static [&'static str],
    /// Why it only runs when it is named, if so.
    only_by_name: Option<&'static str>,
    /// Whether it makes its inputs up, and takes `--seed`.
    seeded: bool,
    /// What makes it short, for when it runs among all others.
    short: &'static [&'static str],
}

/// What cargo builds and runs.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// The program of `suites` with the name of the suite.
    Own,
    /// The same, optimised.
    Optimised,
    /// Another program of `suites`.
    Program(&'static str),
    /// The tests of a workspace of its own, optimised.
    Tests(&'static str),
}

const SUITES: &[Suite] = &[
    Suite::new(
        "hostile-server",
        "a server that misbehaves on purpose, against the client",
    ),
    Suite {
        start: Start::Optimised,
        only_by_name: Some("takes minutes, and measures an optimised build"),
        ..Suite::new(
            "handler",
            "the log handler through slow servers, outages, forks, panics, signals and kills",
        )
    },
    Suite {
        start: Start::Tests("models/Cargo.toml"),
        only_by_name: Some("builds a model checker, which builds C"),
        ..Suite::new(
            "models",
            "every interleaving of a few threads of the batching engine",
        )
    },
    Suite {
        needs: &["python3", "python"],
        ..Suite::new(
            "clients-python",
            "the official Python packages against sls-local, both ways",
        )
    },
    Suite {
        only_by_name: Some("builds 200 crates of others, OpenSSL among them"),
        ..Suite::new(
            "clients-rust",
            "the official Rust crates against sls-local, both ways",
        )
    },
    Suite {
        short: &["--cycles", "5"],
        ..Suite::new(
            "durability",
            "sls-local killed while it writes to a folder, and folders that are full or damaged",
        )
    },
    Suite {
        only_by_name: Some("builds the client and what it needs with Go"),
        ..Suite::new(
            "clients-go",
            "the official Go client, producer and consumer against sls-local, both ways",
        )
    },
    Suite {
        only_by_name: Some(
            "fetches the clients with Maven, and starts a virtual machine for each check",
        ),
        ..Suite::new(
            "clients-java",
            "the official Java clients against sls-local, both ways",
        )
    },
    Suite {
        needs: &["python3", "python"],
        seeded: true,
        ..Suite::new(
            "spl-oracle",
            "functions, operators and casts of SPL beside the engine they are modelled on",
        )
    },
    Suite {
        only_by_name: Some("the collector is away for minutes; tracker-short is the same in brief"),
        ..Suite::new(
            "tracker",
            "the tracker before a collector in trouble, and beside the Python package",
        )
    },
    Suite {
        start: Start::Program("tracker"),
        args: &["--short"],
        ..Suite::new("tracker-short", "the same with troubles of a second")
    },
    Suite {
        needs: &["sh"],
        only_by_name: Some("takes five minutes and more"),
        seeded: true,
        ..Suite::new(
            "consumer-chaos",
            "six workers of a group that are killed and stopped, with a server that breaks",
        )
    },
];

/// What a suite exits with after saying why it could not run: neither passed nor failed.
const SKIPPED: i32 = 77;

pub(crate) const COMMAND: Command = Command {
    name: "it",
    usage: "[--suite NAME] [--seed N] [--list]",
    about: "Run the integration suites against a fresh local server",
    help: "\
A suite is a program in crates/suites/src/bin/. It exits with 0 when it passed, with 77 when it
could not run and has said why, and with anything else when it failed.
All suites run unless one is named, except those that --list marks as run by name only. Those
with something that can be repeated do less of it then.

  --suite NAME   run this one
  --seed N       make other inputs than usual, in a suite that makes its inputs up
  --list         name the suites, run nothing",
    run,
};

fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<Outcome> {
    let Plan {
        suites,
        left_out,
        short,
        list,
        seed,
    } = parse(args)?;
    if list {
        for suite in SUITES {
            println!("{:20} {}", suite.name, suite.about);
            if let Some(why) = suite.only_by_name {
                println!("{:20}   by name only: {why}", "");
            }
        }
        return Ok(Outcome::Done);
    }

    let mut skipped = Vec::new();
    let mut failed = Vec::new();
    for suite in &suites {
        let watch = Stopwatch::start();
        let result = match suite.run(workspace, seed, short)? {
            Ran::Passed => "passed".to_owned(),
            Ran::Failed => {
                failed.push(suite.name);
                "FAILED".to_owned()
            }
            Ran::Skipped(why) => {
                let result = format!("SKIPPED: {why}");
                skipped.push(format!("{}: {why}", suite.name));
                result
            }
        };
        println!("suite {}: {result} in {}", suite.name, watch.elapsed());
    }
    for suite in left_out {
        let name = suite.name;
        println!("suite {name}: left out; `cargo xtask it --suite {name}` runs it");
    }
    if !failed.is_empty() {
        return Err(format!("it: failed: {}", failed.join(", ")).into());
    }
    if skipped.is_empty() {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Skipped(skipped.join("; ")))
    }
}

/// What the command line asks for.
struct Plan {
    suites: Vec<&'static Suite>,
    /// What runs only by name, where nothing was named.
    left_out: Vec<&'static Suite>,
    /// Whether nothing was named.
    short: bool,
    list: bool,
    seed: Option<u64>,
}

fn parse(mut args: lexopt::Parser) -> Result<Plan> {
    let mut list = false;
    let mut seed = None;
    let mut suites: Vec<&Suite> = Vec::new();
    let mut left_out = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("list") => list = true,
            Arg::Long("seed") => seed = Some(args.value()?.parse()?),
            Arg::Long("suite") => {
                let name = args.value()?.string()?;
                let suite = SUITES
                    .iter()
                    .find(|suite| suite.name == name)
                    .ok_or_else(|| {
                        format!("it: there is no suite `{name}`; see `cargo xtask it --list`")
                    })?;
                suites.push(suite);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    let short = suites.is_empty();
    if short {
        (suites, left_out) = SUITES
            .iter()
            .partition(|suite| suite.only_by_name.is_none());
    }
    if seed.is_some() && !suites.iter().any(|suite| suite.seeded) {
        return Err("it: the named suites make nothing up, and take no seed".into());
    }
    Ok(Plan {
        suites,
        left_out,
        short,
        list,
        seed,
    })
}

enum Ran {
    Passed,
    Failed,
    Skipped(String),
}

impl Suite {
    /// A suite that needs nothing and runs whole among all others.
    const fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            needs: &[],
            start: Start::Own,
            args: &[],
            only_by_name: None,
            seeded: false,
            short: &[],
        }
    }

    /// The cargo command line that builds it and runs it.
    fn command(&self) -> Vec<&'static str> {
        let (release, program) = match self.start {
            Start::Own => (false, self.name),
            Start::Optimised => (true, self.name),
            Start::Program(name) => (false, name),
            Start::Tests(manifest) => {
                return vec!["test", "--release", "--manifest-path", manifest];
            }
        };
        let mut command = vec!["run", "--quiet"];
        command.extend(release.then_some("--release"));
        command.extend(["--package", "suites", "--bin", program]);
        command
    }

    /// What it is told this time, behind the separator if there is anything.
    fn args_for(&self, seed: Option<u64>, short: bool) -> Vec<String> {
        let mut args: Vec<_> = self.args.iter().copied().map(str::to_owned).collect();
        if short {
            args.extend(self.short.iter().copied().map(str::to_owned));
        }
        if let Some(seed) = seed.filter(|_| self.seeded) {
            args.extend(["--seed".to_owned(), seed.to_string()]);
        }
        if !args.is_empty() {
            args.insert(0, "--".to_owned());
        }
        args
    }

    fn run(&self, workspace: &Workspace, seed: Option<u64>, short: bool) -> Result<Ran> {
        if !self.needs.is_empty() && !self.needs.iter().any(|program| answers(program)) {
            return Ok(Ran::Skipped(format!("needs {}", self.needs.join(" or "))));
        }
        let mut cargo = workspace.cargo(self.command());
        cargo.args(self.args_for(seed, short));
        let status = workspace.status(&mut cargo)?;
        Ok(match status.code() {
            Some(0) => Ran::Passed,
            Some(SKIPPED) => Ran::Skipped("it could not run here, and says why above".to_owned()),
            _ => Ran::Failed,
        })
    }
}

/// Whether the program is there and starts.
fn answers(program: &str) -> bool {
    // Not every shell knows its version.
    let question: &[&str] = match program {
        "sh" => &["-c", ":"],
        _ => &["--version"],
    };
    Process::new(program)
        .args(question)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_shell_is_there_whichever_it_is_and_what_is_not_there_is_not() {
        assert!(answers("sh"));
        assert!(!answers("a-program-that-nobody-has"));
    }

    #[test]
    fn an_unknown_suite_is_refused_and_none_means_all_but_those_by_name() {
        let suites = |args: &[&str]| {
            let plan = parse(lexopt::Parser::from_args(args.iter().copied()))?;
            Ok::<_, Box<dyn std::error::Error>>((plan.suites.len(), plan.left_out.len()))
        };
        let (run, left_out) = suites(&[]).unwrap();
        assert_eq!(run + left_out, SUITES.len());
        assert!(left_out > 0);
        assert_eq!(suites(&["--suite", "clients-python"]).unwrap(), (1, 0));
        assert_eq!(suites(&["--suite", "clients-rust"]).unwrap(), (1, 0));
        assert!(suites(&["--suite", "clients"]).is_err());
    }

    #[test]
    fn a_suite_that_is_named_is_run_whole() {
        let short = |args: &[&str]| {
            let plan = parse(lexopt::Parser::from_args(args.iter().copied()));
            plan.unwrap().short
        };
        assert!(short(&[]));
        assert!(!short(&["--suite", "durability"]));
    }

    #[test]
    fn a_suite_is_the_program_of_its_name_and_is_told_what_it_needs() {
        let line = |name: &str, seed, short| {
            let suite = SUITES.iter().find(|suite| suite.name == name).unwrap();
            let args = suite.args_for(seed, short);
            format!("{} {}", suite.command().join(" "), args.join(" "))
        };
        let lines = [
            (
                line("durability", Some(7), false),
                "run --quiet --package suites --bin durability ",
            ),
            (
                line("durability", None, true),
                "run --quiet --package suites --bin durability -- --cycles 5",
            ),
            (
                line("handler", None, true),
                "run --quiet --release --package suites --bin handler ",
            ),
            (
                line("tracker-short", None, true),
                "run --quiet --package suites --bin tracker -- --short",
            ),
            (
                line("spl-oracle", Some(7), true),
                "run --quiet --package suites --bin spl-oracle -- --seed 7",
            ),
            (
                line("models", None, false),
                "test --release --manifest-path models/Cargo.toml ",
            ),
        ];
        for (found, wanted) in lines {
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn every_suite_has_a_program() {
        let bins = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/suites/src/bin");
        for suite in SUITES {
            let program = match suite.start {
                Start::Own | Start::Optimised => suite.name,
                Start::Program(name) => name,
                Start::Tests(_) => continue,
            };
            let folder = std::path::Path::new(bins).join(program);
            assert!(folder.is_dir(), "{program}");
        }
    }

    #[test]
    fn a_seed_is_for_suites_that_take_one() {
        let seed = |args: &[&str]| {
            parse(lexopt::Parser::from_args(args.iter().copied())).map(|plan| plan.seed)
        };
        assert_eq!(seed(&["--seed", "7"]).unwrap(), Some(7));
        assert_eq!(seed(&["--suite", "spl-oracle"]).unwrap(), None);
        assert!(seed(&["--suite", "clients-python", "--seed", "7"]).is_err());
    }

    #[test]
    fn a_program_that_is_not_there_does_not_answer() {
        assert!(!answers("no-such-program-anywhere"));
    }
}
