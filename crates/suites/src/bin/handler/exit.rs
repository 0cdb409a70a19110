//! A server that takes half a second for an answer, many logs, and a program that just ends.

use std::error::Error;
use std::time::Duration;

use crate::child::{End, Kind, Task, wait_for};
use crate::counts::Counts;
use crate::world::World;

const LOGS: u64 = 30_000;

pub(crate) fn run() -> Result<Counts, Box<dyn Error>> {
    let world = World::start()?;
    let logstore = "slow-server";
    world.create(logstore)?;
    world.slow_down(Duration::from_millis(500));
    let task = Task {
        endpoint: world.endpoint(),
        logstore: logstore.to_owned(),
        kind: Kind::None,
        end: End::Exit,
        first: 0,
        logs: LOGS,
        // The default of the handler.
        close_wait: Duration::from_secs(5),
        forks: 0,
    };
    let (status, output) = wait_for(task.spawn()?)?;
    let report = output.trim();
    println!("exit: {report}");
    if !status.success() {
        return Err(format!("ended with {status}").into());
    }
    Ok(Counts::of(LOGS, 0, &world.arrived(logstore)))
}
