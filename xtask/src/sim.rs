//! `cargo xtask sim`: consumer groups under virtual time.

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;

pub(crate) const COMMAND: Command = Command {
    name: "sim",
    usage: "[--seeds N] [--first S] [--seed S] [--broken FLAW] [--jobs N]",
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
  --jobs N        so many threads, default one for each processor",
    run,
};

fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<Outcome> {
    let mut command = workspace.cargo([
        "run",
        "--quiet",
        "--release",
        "--package",
        "suites",
        "--bin",
        "sim",
        "--",
    ]);
    let mut args = args;
    command.args(args.raw_args()?);
    workspace.run(&mut command)?;
    Ok(Outcome::Done)
}
