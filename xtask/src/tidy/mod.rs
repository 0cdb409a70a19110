//! `cargo xtask tidy`: the rules about the repository that no compiler knows.

mod arrows; // which crate may depend on which
mod cores; // which crates build without a runtime or sockets
mod lock; // what must not be in Cargo.lock
mod manifests; // what a manifest says, and what lies beside it
mod source; // what must not be in a file

use std::fmt;

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;
use crate::{files, links, metadata};

pub(crate) const COMMAND: Command = Command {
    name: "tidy",
    usage: "",
    about: "Check the rules about the repository that no compiler knows",
    help: "\
Each finding is one line: the file, what is wrong, and what to do.

  arrows      crates depend on each other only as docs/architecture.md says; the table there
              and the one in xtask/src/tidy/arrows.rs agree
  manifests   published crates carry what a registry and a reader need, the others say
              `publish = false`; licences are present
  links       relative links between Markdown files lead somewhere
  source      no oversized file without a reason, no machine's paths, nothing left undone
  lock        no dependency that needs a C compiler, ring excepted; no OpenSSL
  cores       the cores build without a runtime, the delivery crate without sockets",
    run,
};

/// Something to put right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    place: String,
    what: String,
}

impl Finding {
    /// A finding about a file as a whole.
    pub(crate) fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: path.into(),
            what: what.into(),
        }
    }

    /// A finding about one line of a file.
    pub(crate) fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<Outcome> {
    if let Some(arg) = args.next()? {
        return Err(arg.unexpected().into());
    }
    let root = workspace.root();
    let packages = metadata::read(workspace)?;
    let files = files::read(root)?;

    let mut findings = arrows::check(&packages, &files);
    findings.extend(manifests::check(root, &packages, &files));
    findings.extend(links::check(root, &files));
    findings.extend(source::check(&files));
    findings.extend(lock::check(&files));
    findings.extend(cores::check(workspace, &packages)?);

    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} crates, {} files", packages.len(), files.len());
            Ok(Outcome::Done)
        }
        1 => Err("tidy: 1 finding".into()),
        count => Err(format!("tidy: {count} findings").into()),
    }
}
