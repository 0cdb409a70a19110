//! `cargo xtask doc`: the documentation builds without a warning and its links lead somewhere.

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;
use crate::{files, links};

pub(crate) const COMMAND: Command = Command {
    name: "doc",
    usage: "",
    about: "Build the documentation with warnings as errors, and check the links of the Markdown files",
    help: "\
Builds twice: as `cargo doc` does, and with all features as docs.rs does, since a link to an item
behind a feature is broken in one of them only.
The result is in target/doc.",
    run,
};

fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<Outcome> {
    if let Some(arg) = args.next()? {
        return Err(arg.unexpected().into());
    }
    for features in [None, Some("--all-features")] {
        let mut command = workspace.cargo(["doc", "--no-deps", "--workspace"]);
        command.args(features).env("RUSTDOCFLAGS", "-D warnings");
        workspace.run(&mut command)?;
    }

    let findings = links::check(workspace.root(), &files::read(workspace.root())?);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        Ok(Outcome::Done)
    } else {
        Err(format!("doc: {} links lead nowhere", findings.len()).into())
    }
}
