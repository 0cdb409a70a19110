//! `cargo xtask bench`: our crates against published clients.

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;

const MANIFEST: &str = "benches/Cargo.toml";

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    usage: "[--json FILE] [--goal N].. [--list]",
    about: "Measure our crates against published clients",
    help: "\
Prints one line for each case of each goal of docs/performance.md: the ratio inside this run, the
floor it must reach, the target it should reach, and which of the two hold. Fails when a floor
does not hold. It takes five minutes or more, builds in a workspace of its own, whose peers need a C
compiler and OpenSSL, and counts instructions with valgrind where that is installed.

A peer's version is pinned in benches/Cargo.toml. To compare with a newer one, `cargo info NAME`
tells its number; change it there and run `cargo update` in benches/.

  --json FILE   save the table as a list of objects
  --goal N      measure this goal only; may be given several times
  --list        name the goals, measure nothing",
    run,
};

// Not `--locked`: what our crates depend on changes more often than this lock file is looked at,
// and the peers' versions are exact in the manifest.
fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<Outcome> {
    let mut command = workspace.cargo([
        "build",
        "--quiet",
        "--release",
        "--bins",
        "--manifest-path",
        MANIFEST,
    ]);
    workspace.run(&mut command)?;
    let mut command = workspace.cargo([
        "run",
        "--quiet",
        "--release",
        "--manifest-path",
        MANIFEST,
        "--",
    ]);
    // The program knows its arguments; a file is meant as seen from here.
    command.args(args.raw_args()?);
    workspace.run(&mut command)?;
    Ok(Outcome::Done)
}
