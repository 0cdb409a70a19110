//! Programs built with cargo: of this workspace as the suite itself was, or of another one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Result;
use super::program::Program;

/// A build from nothing on a slow machine.
const LIMIT: Duration = Duration::from_secs(900);

/// Builds a program of the workspace and gives its path.
///
/// # Errors
/// When cargo does not answer or the program does not build.
pub async fn build(package: &str) -> Result<PathBuf> {
    let mut command = cargo(Path::new(env!("CARGO_MANIFEST_DIR")));
    command
        .args(["build", "--package", package, "--bin", package])
        .args(["--profile", &profile()?]);
    built(command, package).await
}

/// Builds the program of a package that is a workspace of its own, with the versions of its
/// lock file, and gives its path.
///
/// # Errors
/// When cargo does not answer or the program does not build.
pub async fn build_apart(folder: &Path, package: &str, target: &Path) -> Result<PathBuf> {
    let mut command = cargo(folder);
    command
        .args(["build", "--locked", "--bin", package, "--target-dir"])
        .arg(target);
    built(command, package).await
}

fn cargo(folder: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What describes the suite is withheld: some build scripts watch it, and would run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder);
    command
}

async fn built(mut command: Command, package: &str) -> Result<PathBuf> {
    command.args(["--quiet", "--message-format=json-render-diagnostics"]);
    let messages = Program::new(command).with_limit(LIMIT).run("").await?;
    executable(&messages, package)
        .ok_or_else(|| format!("cargo did not say where it put {package}").into())
}

/// The folder that cargo builds into, in which a suite may keep things of its own.
///
/// # Errors
/// When the suite does not lie where cargo put it.
pub fn target_dir() -> Result<PathBuf> {
    let target = profile_dir()?.parent().map(Path::to_path_buf);
    target.ok_or_else(|| "the suite does not lie in a target folder".into())
}

/// The profile of the suite, from the folder it lies in.
fn profile() -> Result<String> {
    let dir = profile_dir()?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    Ok(match name.as_ref() {
        "debug" => "dev".to_owned(),
        other => other.to_owned(),
    })
}

fn profile_dir() -> Result<PathBuf> {
    let suite = env::current_exe()?;
    let dir = suite.parent().map(Path::to_path_buf);
    dir.ok_or_else(|| "the suite does not lie in a folder".into())
}

fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_the_program_is() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"p"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"p"},"executable":"t/p"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages, "p"), Some(PathBuf::from("t/p")));
        assert_eq!(executable(messages, "q"), None);
    }
}
