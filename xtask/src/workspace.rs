//! Where the repository is, and how its programs are run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::{env, fmt};

use crate::command::Result;

/// The repository this program was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    cargo: OsString,
}

impl Workspace {
    /// Finds the repository through the variables cargo sets for the programs it runs.
    pub(crate) fn find() -> Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir
            .parent()
            .ok_or("xtask is not inside a repository")?
            .to_path_buf();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(Self { root, cargo })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A cargo command in the root of the repository.
    ///
    /// The variables that describe xtask itself are withheld: some build scripts watch them, and
    /// would run again whenever cargo is called from here instead of from a shell.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(args).current_dir(&self.root);
        for (name, _) in env::vars_os() {
            if describes_this_package(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs a command to its end with its output passed through, and returns how it ended.
    pub(crate) fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        command
            .status()
            .map_err(|error| cannot_run(command, error).into())
    }

    /// Runs a command with its output passed through; failing is an error.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let status = self.status(command)?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{}` failed: {status}", shown(command)).into())
        }
    }

    /// Runs a command and returns what it printed; failing is an error with its complaints.
    pub(crate) fn read(&self, command: &mut Command) -> Result<String> {
        let output = command
            .output()
            .map_err(|error| cannot_run(command, error))?;
        if !output.status.success() {
            let complaints = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{}` failed: {}", shown(command), complaints.trim_end()).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn describes_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

fn cannot_run(command: &Command, error: impl fmt::Display) -> String {
    format!("cannot run `{}`: {error}", shown(command))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_stem().map_or_else(
        || program.display().to_string(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_variables_that_describe_a_package_are_withheld() {
        assert!(describes_this_package("CARGO_PKG_NAME"));
        assert!(describes_this_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_this_package("CARGO_HOME"));
        assert!(!describes_this_package("CARGO_TARGET_DIR"));
    }

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("some/where/cargo");
        command.args(["fmt", "--all"]);
        assert_eq!(shown(&command), "cargo fmt --all");
    }
}
