//! Every kind of runtime, and every way to end.

use std::error::Error;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use crate::child::{End, Kind, Task, read_line, wait_for};
use crate::counts::Counts;
use crate::world::World;

const LOGS: u64 = 500;

pub(crate) fn run() -> Result<Counts, Box<dyn Error>> {
    let world = World::start()?;
    // Slow enough that nothing would be there by chance when the process ends.
    world.slow_down(Duration::from_millis(100));
    let mut all = Counts::default();
    let mut failures = Vec::new();
    for kind in Kind::ALL {
        for end in End::ALL {
            let (counts, wrong) = cell(&world, kind, end)?;
            println!("faults: {:14} {:7} {counts}", kind.name(), end.name());
            all += counts;
            failures.extend(wrong.map(|what| format!("{} {}: {what}", kind.name(), end.name())));
        }
    }
    match failures.is_empty() {
        true => Ok(all),
        false => Err(failures.join("; ").into()),
    }
}

/// One child: what became of its logs, and what else was not as it should be.
fn cell(world: &World, kind: Kind, end: End) -> Result<(Counts, Option<String>), Box<dyn Error>> {
    let logstore = format!("{}-{}", kind.name(), end.name());
    world.create(&logstore)?;
    let task = Task {
        endpoint: world.endpoint(),
        logstore: logstore.clone(),
        kind,
        end,
        first: 0,
        logs: LOGS,
        close_wait: Duration::from_secs(30),
        forks: 2,
        spool: None,
        until_delivered: 0,
    };
    let mut child = task.spawn()?;
    if end == End::Signal {
        read_line(&mut child)?;
        terminate(&child)?;
    }
    let (status, output) = wait_for(child)?;
    let processes = if end == End::Fork { 1 + task.forks } else { 1 };
    let counts = Counts::of(LOGS * processes, 0, &world.arrived(&logstore));
    let mut wrong = (!as_expected(end, status)).then(|| format!("ended with {status}"));
    if matches!(end, End::Panic | End::Abort) {
        let panics = world.values(&logstore, "record_name");
        let panics = panics.iter().filter(|name| *name == "panic").count();
        if panics != 1 {
            wrong = Some(format!("{panics} records of the panic"));
        }
    }
    if end == End::Fork {
        let mut processes = world.values(&logstore, "process_id");
        processes.sort();
        processes.dedup();
        if processes.len() as u64 != 1 + task.forks || output.trim() != "0 children failed" {
            wrong = Some(format!("{} process ids, {output:?}", processes.len()));
        }
    }
    Ok((counts, wrong))
}

fn as_expected(end: End, status: ExitStatus) -> bool {
    match end {
        End::Exit | End::Drop | End::Fork => status.success(),
        End::Panic => status.code() == Some(101),
        End::Abort => status.signal() == Some(rustix::process::Signal::ABORT.as_raw()),
        End::Signal => status.signal() == Some(rustix::process::Signal::TERM.as_raw()),
    }
}

fn terminate(child: &Child) -> Result<(), Box<dyn Error>> {
    let id = i32::try_from(child.id())?;
    let id = rustix::process::Pid::from_raw(id).ok_or("no process")?;
    rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
    Ok(())
}
