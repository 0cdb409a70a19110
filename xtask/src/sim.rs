//! `cargo xtask sim`: consumer groups under virtual time.

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;

pub(crate) const COMMAND: Command = Command {
    name: "sim",
    usage: "[--seeds N] [--first S] [--seed S] [--broken FLAW] [--jobs N] | --scale [--seed S]",
    about: "Simulate consumer groups in all sorts of trouble",
    help: "\
Whole workers against the local service in one process, under virtual time: crashes, freezes, cut
networks, late and lost requests and answers, slow and failing processors, splits, merges, wall
clocks that jump, server restarts. No log may be lost or skipped, no shard may be in two hands, no
checkpoint may move back. Ends with `sim: N seeds, N events, N violations`.

  --seeds N       so many seeds, default 100
  --first S       from this seed on, default 0
  --seed S        this seed alone, with everything that happens in it
  --broken FLAW   with workers that are broken on purpose, which has to be noticed: no-fencing,
                  forced-checkpoints, no-settling or early-release
  --jobs N        so many threads, default one for each processor
  --scale         instead, 1000 shards and 100 workers without trouble: prints how many heartbeat
                  intervals they take to share the shards out after the last has joined, and
                  after 20 that crashed were missed, the requests per second and the memory per
                  shard. Fails over two intervals. Runs a debug build, which takes some 15 seconds",
    run,
};

fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<Outcome> {
    let mut args = args;
    let args: Vec<_> = args.raw_args()?.collect();
    let mut command = workspace.cargo(["run", "--quiet"]);
    // Many seeds are worth the longer build.
    if !args.iter().any(|arg| arg == "--scale") {
        command.arg("--release");
    }
    command.args(["--package", "suites", "--bin", "sim", "--"]);
    command.args(args);
    workspace.run(&mut command)?;
    Ok(Outcome::Done)
}
