//! A process forks itself many times; every copy delivers what it logged.

use std::error::Error;
use std::time::Duration;

use crate::child::{End, Kind, Task, wait_for};
use crate::counts::Counts;
use crate::world::World;

const FORKS: u64 = 100;
const LOGS_EACH: u64 = 100;

pub(crate) fn run() -> Result<Counts, Box<dyn Error>> {
    let world = World::start()?;
    let logstore = "forks";
    world.create(logstore)?;
    let task = Task {
        endpoint: world.endpoint(),
        logstore: logstore.to_owned(),
        kind: Kind::None,
        end: End::Fork,
        first: 0,
        logs: LOGS_EACH,
        close_wait: Duration::from_secs(120),
        forks: FORKS,
        spool: None,
        until_delivered: 0,
    };
    let (status, output) = wait_for(task.spawn()?)?;
    let counts = Counts::of(LOGS_EACH * (1 + FORKS), 0, &world.arrived(logstore));
    let mut processes = world.values(logstore, "process_id");
    processes.sort();
    processes.dedup();
    println!(
        "forks: {} processes delivered, {}",
        processes.len(),
        output.trim()
    );
    let good = status.success() && output.trim() == "0 children failed";
    if !good || processes.len() as u64 != 1 + FORKS {
        return Err(format!("{counts}; ended with {status}, {output:?}").into());
    }
    Ok(counts)
}
