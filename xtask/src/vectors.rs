//! `cargo xtask vectors`: the recorded case sets against our crates.

use std::path::{Path, PathBuf};

use lexopt::Arg;

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;

/// The sets there are; each may be replaced by a folder of the same layout.
const SETS: &[&str] = &["sls", "spl", "growingio"];

pub(crate) const COMMAND: Command = Command {
    name: "vectors",
    usage: "[--sls DIR] [--spl DIR] [--growingio DIR]",
    about: "Run the recorded case sets against our crates",
    help: "\
Each set ends with a line `sls: N passed, N failed, N pending`. A failed case names its file
and the first difference; a pending one names the operation or command that does not exist yet.
A set is the project's own copy in crates/testkit/vectors unless a folder is given.

  --sls DIR         cases of the log service's protocol
  --spl DIR         cases of the pipeline language
  --growingio DIR   cases of the event collector's protocol",
    run,
};

fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<Outcome> {
    let folders = parse(args)?;
    let mut command = workspace.cargo([
        "run",
        "--quiet",
        "--package",
        "suites",
        "--bin",
        "vectors",
        "--",
    ]);
    for (set, folder) in folders {
        command.arg(format!("--{set}")).arg(located(set, &folder)?);
    }
    workspace.run(&mut command)?;
    Ok(Outcome::Done)
}

fn parse(mut args: lexopt::Parser) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut folders = Vec::new();
    while let Some(arg) = args.next()? {
        let known = match &arg {
            Arg::Long(name) => SETS.iter().copied().find(|set| set == name),
            _ => None,
        };
        match known {
            Some(set) => folders.push((set, PathBuf::from(args.value()?))),
            None => return Err(arg.unexpected().into()),
        }
    }
    Ok(folders)
}

/// The folder as the suite finds it, which runs in the root of the repository.
fn located(set: &str, folder: &Path) -> Result<PathBuf> {
    if !folder.is_dir() {
        return Err(format!(
            "vectors: --{set} {}: there is no such folder",
            folder.display()
        )
        .into());
    }
    Ok(std::path::absolute(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_taken_for_known_sets_only() {
        let args = |args: &[&str]| parse(lexopt::Parser::from_args(args.iter().copied()));
        assert_eq!(
            args(&["--spl", "a", "--sls=b"]).unwrap(),
            [("spl", "a".into()), ("sls", "b".into())]
        );
        assert!(args(&["--sql", "a"]).is_err());
        assert!(args(&["--sls"]).is_err());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = located("sls", Path::new("no/such/folder")).unwrap_err();
        assert!(error.to_string().contains("--sls no/such/folder"));
    }
}
