//! A server that takes half a second for an answer, many logs, and a program that just ends.
//!
//! What it could not deliver in time is spooled, and delivered by the program's next start.

use std::error::Error;
use std::time::Duration;

use crate::child::{End, Kind, Task, wait_for};
use crate::counts::Counts;
use crate::folder::Folder;
use crate::told::Told;
use crate::world::World;

const LOGS: u64 = 30_000;

pub(crate) fn run() -> Result<Counts, Box<dyn Error>> {
    let world = World::start()?;
    world.slow_down(Duration::from_millis(500));
    let mut all = Counts::default();
    // Python's handler ends after five seconds; one has no time at all.
    for close_wait in [Duration::from_secs(5), Duration::ZERO] {
        all += end_and_start_again(&world, close_wait)?;
    }
    Ok(all)
}

fn end_and_start_again(world: &World, close_wait: Duration) -> Result<Counts, Box<dyn Error>> {
    let logstore = format!("slow-server-{}", close_wait.as_secs());
    world.create(&logstore)?;
    let spool = Folder::new(&logstore)?;
    let task = Task {
        endpoint: world.endpoint(),
        logstore: logstore.clone(),
        kind: Kind::None,
        end: End::Exit,
        first: 0,
        logs: LOGS,
        close_wait,
        forks: 0,
        spool: Some(spool.path().to_owned()),
        until_delivered: 0,
    };
    let (status, output) = wait_for(task.spawn()?)?;
    let told = Told::parse(&output);
    let (delivered, spooled) = (told.get("delivered")?, told.get("spooled")?);
    let dropped = told.get("dropped")?;
    println!(
        "exit: at most {close_wait:?} to end: {delivered} delivered, {spooled} spooled, {dropped} dropped"
    );
    if !status.success() || delivered + spooled != LOGS || dropped != 0 {
        return Err(format!("ended with {status}").into());
    }

    let next = Task {
        logs: 0,
        until_delivered: spooled,
        ..task
    };
    let (status, output) = wait_for(next.spawn()?)?;
    let counts = Counts::of(LOGS, 0, &world.arrived(&logstore));
    println!(
        "exit: the next start: {} delivered, {} of them there before",
        Told::parse(&output).get("delivered")?,
        counts.duplicates
    );
    match status.success() {
        true => Ok(counts),
        false => Err(format!("the next start ended with {status}").into()),
    }
}
