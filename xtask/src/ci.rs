//! `cargo xtask ci`: every check, in the order in which a mistake is cheapest to hear about.

use lexopt::{Arg, ValueExt as _};

use crate::command::{Command, Outcome, Result};
use crate::stopwatch::{Elapsed, Stopwatch};
use crate::workspace::Workspace;

/// One check: a cargo command line, `cargo xtask` among them.
struct Step {
    name: &'static str,
    command: &'static [&'static str],
}

const STEPS: &[Step] = &[
    step("format", &["fmt", "--all", "--check"]),
    step("tidy", &["xtask", "tidy"]),
    step("budget", &["xtask", "budget"]),
    step("codegen", &["xtask", "codegen", "--check"]),
    step(
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    step(
        "clippy-all",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
    ),
    step("features", &["xtask", "features"]),
    step("test", &["test", "--workspace"]),
    step("vectors", &["xtask", "vectors"]),
    step("doc", &["xtask", "doc"]),
    step(
        "quickstart",
        &[
            "run",
            "-q",
            "--release",
            "--example",
            "quickstart",
            "--",
            "--json",
        ],
    ),
    step("suites", &["xtask", "it"]),
    // A short one: a change that breaks leases rarely survives it.
    step("sim", &["xtask", "sim", "--seeds", "200"]),
    // A short one: that the targets still build, and find nothing at once.
    step("fuzz", &["xtask", "fuzz", "--seconds", "5"]),
];

const fn step(name: &'static str, command: &'static [&'static str]) -> Step {
    Step { name, command }
}

pub(crate) const COMMAND: Command = Command {
    name: "ci",
    usage: "[--list] [--keep-going] [STEP..]",
    about: "Run every check in order",
    help: "\
Stops at the first step that fails; a summary ends the run either way.

  --list         name the steps and their commands, run nothing
  --keep-going   run the steps after a failed one too
  STEP..         run only these steps, in the usual order",
    run,
};

fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<Outcome> {
    let Plan {
        steps,
        list,
        keep_going,
    } = plan(args)?;
    if list {
        for step in steps {
            println!("{:11} {}", step.name, step.shown());
        }
        return Ok(Outcome::Done);
    }

    let whole = Stopwatch::start();
    let mut report = Vec::new();
    for step in &steps {
        println!("\n=== {}: {}", step.name, step.shown());
        let watch = Stopwatch::start();
        let result = step.run(workspace);
        let elapsed = watch.elapsed();
        let line = Line::new(step.name, &result, elapsed);
        println!("--- {}: {} in {elapsed}", step.name, line.result);
        if let Err(error) = &result {
            println!("{error}");
        }
        report.push(line);
        if result.is_err() && !keep_going {
            break;
        }
    }

    println!("\n{}", table(&steps, &report));
    println!("{} in all", whole.elapsed());
    let failed: Vec<_> = report
        .iter()
        .filter(|line| line.failed)
        .map(|line| line.name)
        .collect();
    if failed.is_empty() {
        Ok(Outcome::Done)
    } else {
        Err(format!("ci: failed: {}", failed.join(", ")).into())
    }
}

struct Plan {
    steps: Vec<&'static Step>,
    list: bool,
    keep_going: bool,
}

fn plan(mut args: lexopt::Parser) -> Result<Plan> {
    let mut list = false;
    let mut keep_going = false;
    let mut names = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("list") => list = true,
            Arg::Long("keep-going") => keep_going = true,
            Arg::Value(name) => names.push(name.string()?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    for name in &names {
        if !STEPS.iter().any(|step| step.name == name) {
            return Err(
                format!("ci: there is no step `{name}`; see `cargo xtask ci --list`").into(),
            );
        }
    }
    let steps = STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect();
    Ok(Plan {
        steps,
        list,
        keep_going,
    })
}

impl Step {
    fn shown(&self) -> String {
        format!("cargo {}", self.command.join(" "))
    }

    fn run(&self, workspace: &Workspace) -> Result<Outcome> {
        match self.command {
            // The same as starting this program again, without starting it again.
            ["xtask", name, args @ ..] => {
                let args = lexopt::Parser::from_args(args.iter().copied());
                (crate::find(name)?.run)(workspace, args)
            }
            args => {
                workspace.run(&mut workspace.cargo(args.iter().copied()))?;
                Ok(Outcome::Done)
            }
        }
    }
}

/// One line of the summary.
struct Line {
    name: &'static str,
    result: String,
    failed: bool,
    elapsed: Elapsed,
}

impl Line {
    fn new(name: &'static str, result: &Result<Outcome>, elapsed: Elapsed) -> Self {
        let text = match result {
            Ok(Outcome::Done) => "passed".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("SKIPPED ({why})"),
            Err(_) => "FAILED".to_owned(),
        };
        Self {
            name,
            result: text,
            failed: result.is_err(),
            elapsed,
        }
    }
}

fn table(steps: &[&Step], report: &[Line]) -> String {
    let mut text = String::from("step              time  result\n");
    for line in report {
        text.push_str(&format!(
            "{:11} {:>10}  {}\n",
            line.name, line.elapsed, line.result
        ));
    }
    for step in &steps[report.len()..] {
        text.push_str(&format!("{:11} {:>10}  not run\n", step.name, "-"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(args: &[&str]) -> Result<Vec<&'static str>> {
        let plan = plan(lexopt::Parser::from_args(args.iter().copied()))?;
        Ok(plan.steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn named_steps_run_in_the_usual_order() {
        assert_eq!(plan_of(&["test", "tidy"]).unwrap(), ["tidy", "test"]);
        assert_eq!(plan_of(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(plan_of(&["tests"]).is_err());
    }

    #[test]
    fn the_summary_names_every_step_of_the_plan() {
        let plan = plan(lexopt::Parser::from_args(["format", "tidy", "test"])).unwrap();
        let elapsed = Stopwatch::start().elapsed();
        let report = [
            Line::new("format", &Ok(Outcome::Done), elapsed),
            Line::new("tidy", &Err("one finding".into()), elapsed),
        ];
        let table = table(&plan.steps, &report);
        let results: Vec<_> = table
            .lines()
            .skip(1)
            .map(|line| line.rsplit("  ").next().unwrap())
            .collect();
        assert_eq!(results, ["passed", "FAILED", "not run"]);
    }

    #[test]
    fn every_xtask_step_is_a_command() {
        for step in STEPS {
            if let ["xtask", name, ..] = step.command {
                assert!(crate::find(name).is_ok(), "{name}");
            }
        }
    }
}
