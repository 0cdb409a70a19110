//! `cargo xtask bench`: our crates against published clients, as ratios inside one run.
//!
//! Only ratios are reported: a time on one machine says nothing about another.

mod calls; // log calls, at a pace
mod clock; // processor time, and comparing
mod consumer; // us, as a consumer group
mod conversation; // with a process of its own
mod corpus; // what is encoded and sent
mod goals; // what is measured
mod local; // the local server, and a bare one beside it
mod official; // the peer
mod ours; // us
mod python; // other peers
mod report; // the table
mod server; // who is talked to
mod shipping; // logs and records on their way through the batching producers
mod work; // what the contenders do, in processes of their own

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::{Arg, ValueExt as _};

pub use goals::print_allocations;
use goals::{GROUPS, Selection};
use report::Report;

const HELP: &str = "\
Usage: benches [--json FILE] [--goal N]... [--list]

  --json FILE   save the table as a list of JSON objects
  --goal N      measure this goal only; may be given several times
  --list        name the goals, measure nothing
";

/// The program `benches`.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    // What the program calls itself with, see `server` and `goals`.
    match words.as_slice() {
        ["serve"] => match server::serve() {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => return failed(&error.to_string()),
        },
        ["serve-local", place, rest @ ..] => {
            match local::serve_local(place, rest.first().copied()) {
                Ok(()) => return ExitCode::SUCCESS,
                Err(error) => return failed(&error.to_string()),
            }
        }
        ["serve-bare"] => match local::serve_bare() {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => return failed(&error.to_string()),
        },
        ["pull-memory", contender, port] => {
            goals::pull_in_child(contender, port.parse().expect("a port"));
            return ExitCode::SUCCESS;
        }
        ["work", contender, times, words @ ..] => {
            let mut work = work::find(contender, words);
            for _ in 0..times.parse().expect("a number") {
                std::hint::black_box(work());
            }
            return ExitCode::SUCCESS;
        }
        ["logger", name, port] => {
            let port = port.parse().expect("a port");
            return match calls::serve(name, port) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error.to_string()),
            };
        }
        ["worker", contender, words @ ..] => match work::serve(contender, words) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => return failed(&error.to_string()),
        },
        _ => {}
    }
    match parse(lexopt::Parser::from_env()) {
        Ok(Some(plan)) => run(&plan),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{error}\n\n{HELP}")),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("benches: {why}");
    ExitCode::FAILURE
}

struct Plan {
    selection: Selection,
    json: Option<PathBuf>,
}

fn parse(mut args: lexopt::Parser) -> Result<Option<Plan>, lexopt::Error> {
    let mut selection = Selection::default();
    let mut json = None;
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("json") => json = Some(PathBuf::from(args.value()?)),
            Arg::Long("goal") => {
                let goal = args.value()?.parse()?;
                if !GROUPS.iter().any(|group| group.goals.contains(&goal)) {
                    return Err(format!("goal {goal} is not measured here; see --list").into());
                }
                selection.0.push(goal);
            }
            Arg::Long("list") => {
                for group in GROUPS {
                    let goals: Vec<_> = group.goals.iter().map(u32::to_string).collect();
                    println!("{:8} {}", goals.join(", "), group.about);
                }
                return Ok(None);
            }
            Arg::Long("help") | Arg::Short('h') => {
                print!("{HELP}");
                return Ok(None);
            }
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(Some(Plan { selection, json }))
}

fn run(plan: &Plan) -> ExitCode {
    let mut report = Report::start();
    for group in GROUPS {
        if group.goals.iter().any(|goal| plan.selection.has(*goal)) {
            (group.run)(&plan.selection, &mut report);
        }
    }
    if let Some(path) = &plan.json
        && let Err(error) = fs::write(path, report.to_json())
    {
        return failed(&format!("cannot write {}: {error}", path.display()));
    }
    match report.missed() {
        0 => ExitCode::SUCCESS,
        missed => failed(&format!("{missed} floors do not hold")),
    }
}
