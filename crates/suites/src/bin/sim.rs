//! Consumer groups under virtual time: `cargo xtask sim --seeds N`.
//!
//! Ends with `sim: N seeds, N events, N violations`, and with 1 when there are any. A seed that
//! fails is printed with what happened; `--seed S` plays it again, event by event.
//!
//! `--scale` has a thousand shards and a hundred workers instead, and ends with 1 when they need
//! more than two heartbeat intervals to share them out.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lexopt::prelude::*;
use suites::sim::{self, Flaw, Outcome, scale};

/// How many failing seeds are printed in full.
const MOST_SHOWN: usize = 5;

struct Plan {
    seeds: u64,
    first: u64,
    /// One seed, shown event by event.
    alone: Option<u64>,
    flaw: Option<Flaw>,
    jobs: usize,
    is_scale: bool,
}

#[derive(Default)]
struct Sum {
    events: u64,
    logs: u64,
    repeated: u64,
    violations: u64,
    failed: Vec<(u64, Outcome)>,
}

fn main() -> ExitCode {
    let plan = match arguments() {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("sim: {error}");
            return ExitCode::from(2);
        }
    };
    if plan.is_scale {
        return measure(plan.alone.unwrap_or(plan.first));
    }
    let (first, seeds) = match plan.alone {
        Some(seed) => (seed, 1),
        None => (plan.first, plan.seeds),
    };
    let sum = run(&plan, first, seeds);
    for (seed, outcome) in sum.failed.iter().take(MOST_SHOWN) {
        for violation in outcome.violations.iter().take(MOST_SHOWN) {
            println!("seed {seed}: {violation}");
        }
        let broken = plan.flaw.map(|flaw| format!(" --broken {}", flaw.name()));
        let broken = broken.unwrap_or_default();
        println!("seed {seed}: again with `cargo xtask sim --seed {seed}{broken}`");
    }
    if sum.failed.len() > MOST_SHOWN {
        println!("and {} more seeds", sum.failed.len() - MOST_SHOWN);
    }
    println!(
        "sim: {} logs, {} of them processed again after a crash or a lost lease",
        sum.logs, sum.repeated
    );
    println!(
        "sim: {seeds} seeds, {} events, {} violations",
        sum.events, sum.violations
    );
    match sum.violations {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Many shards and workers.
fn measure(seed: u64) -> ExitCode {
    match scale::run(seed, scale::Size::default()) {
        Ok(report) => {
            println!("{report}");
            match report.is_good() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            println!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs seeds on several threads; what comes of one does not depend on the others.
fn run(plan: &Plan, first: u64, seeds: u64) -> Sum {
    let next = AtomicU64::new(first);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed - first >= seeds {
                        return;
                    }
                    let outcome = sim::run(seed, plan.flaw, plan.alone.is_some());
                    for line in &outcome.trace {
                        println!("{line}");
                    }
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.events += outcome.events;
                    sum.logs += outcome.logs;
                    sum.repeated += outcome.repeated;
                    sum.violations += outcome.violations.len() as u64;
                    if !outcome.violations.is_empty() {
                        sum.failed.push((seed, outcome));
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failed.sort_by_key(|(seed, _)| *seed);
    sum
}

fn arguments() -> Result<Plan, lexopt::Error> {
    let mut plan = Plan {
        seeds: 100,
        first: 0,
        alone: None,
        flaw: None,
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
        is_scale: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => plan.seeds = parser.value()?.parse()?,
            Long("first") => plan.first = parser.value()?.parse()?,
            Long("seed") => plan.alone = Some(parser.value()?.parse()?),
            Long("scale") => plan.is_scale = true,
            Long("jobs") => plan.jobs = parser.value()?.parse::<usize>()?.max(1),
            Long("broken") => {
                let name = parser.value()?.string()?;
                let flaw = Flaw::ALL.into_iter().find(|flaw| flaw.name() == name);
                let known = Flaw::ALL.map(Flaw::name).join(", ");
                let unknown = || format!("--broken {name}: it is one of {known}");
                plan.flaw = Some(flaw.ok_or_else(unknown)?);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(plan)
}
