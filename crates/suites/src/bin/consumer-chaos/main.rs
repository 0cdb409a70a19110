//! Six workers of one group in processes of their own, while everything around them breaks:
//! `cargo xtask it --suite consumer-chaos`.
//!
//! ```text
//!   this program, once for all            this program, again, for each worker
//!     sls-local, a process that is          a worker of the group, whose processor writes
//!       killed and started again              what it was handed, did and saved to a journal
//!     Load     puts numbered logs
//!     Chaos    kills, stops, breaks
//!     Verdict  reads the journals
//! ```
//!
//! A journal is a file, and a line of it one write, so it tells what happened up to the moment
//! at which its process was killed.

mod chaos; // what is broken, and when
mod journal; // what a worker did
mod load; // the logs that are put
mod process; // workers as processes
mod verdict; // what the journals say
mod worker; // the process that is killed

use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use lexopt::{Arg, ValueExt as _};
use suites::clients::{Result, chain};
use telemetry_delivery::{Clock as _, SystemClock};

const SUITE: &str = "consumer-chaos";
const PROJECT: &str = "chaos";
const LOGSTORE: &str = "numbers";
const GROUP: &str = "readers";
/// Numbers in a log group; a group is put, stored and processed as a whole.
const PER_GROUP: u64 = 200;
/// The key that sls-local takes unless told otherwise.
const KEY: (&str, &str) = ("local", "local-secret");
/// Short, so that five minutes see many leases end.
const HEARTBEAT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(6);

/// How big a run is.
#[derive(Debug, Clone, Copy)]
struct Plan {
    logs: u64,
    during: Duration,
    workers: usize,
    shards: u32,
    seed: u64,
}

enum Role {
    Suite(Plan),
    Worker(worker::Task),
}

fn main() -> ExitCode {
    let role = match arguments() {
        Ok(role) => role,
        Err(error) => {
            eprintln!("{SUITE}: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{SUITE}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = match role {
        Role::Worker(task) => runtime.block_on(worker::run(task)).map(|()| true),
        Role::Suite(plan) => runtime.block_on(run(plan)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{SUITE}: {}", chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Role, lexopt::Error> {
    let mut plan = Plan {
        logs: 2_000_000,
        during: Duration::from_secs(300),
        workers: 6,
        shards: 16,
        seed: 1,
    };
    let mut parser = lexopt::Parser::from_env();
    let mut task = worker::Task::default();
    let mut is_worker = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("logs") => plan.logs = parser.value()?.parse()?,
            Arg::Long("seconds") => plan.during = Duration::from_secs(parser.value()?.parse()?),
            Arg::Long("seed") => plan.seed = parser.value()?.parse()?,
            Arg::Long("worker") => {
                is_worker = true;
                task.name = parser.value()?.string()?;
            }
            Arg::Long("endpoint") => task.endpoint = parser.value()?.string()?,
            Arg::Long("journal") => task.journal = parser.value()?.into(),
            Arg::Long("dice") => task.seed = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(match is_worker {
        true => Role::Worker(task),
        false => Role::Suite(plan),
    })
}

async fn run(plan: Plan) -> Result<bool> {
    let mut stage = process::Stage::set(plan).await?;
    let load = load::Load::start(stage.logstore()?, plan);
    let failure = tokio::select! {
        ended = chaos::rage(&mut stage, plan) => ended.err(),
        failure = load.failure() => Some(failure),
    };
    if let Some(failure) = failure {
        return Err(failure);
    }
    stage.calm().await?;
    let put = load.finish().await?;
    let verdict = verdict::await_all(&stage, &put).await?;
    let ends = stage.leave().await?;
    let verdict = verdict.with_ends(ends, &stage.read_journals()?, &put, stage.events());
    println!("{verdict}");
    if verdict.holds() {
        stage.clean();
    } else {
        println!("the journals are kept in {}", stage.folder().display());
    }
    println!("{SUITE}: {}", verdict.summary());
    Ok(verdict.holds())
}

/// Microseconds since 1970, the same clock for all processes of this machine.
fn now_us() -> u64 {
    let since = SystemClock.now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
