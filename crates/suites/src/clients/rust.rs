//! The programs around the official Rust clients.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Result;
use super::build::build_apart;
use super::skip::Skip;
use super::world::Programs;

/// A workspace of its own, with the clients in its lock file.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rust-clients");
const PACKAGE: &str = "rust-clients";
/// What cargo says last when all that the program needs is there.
const OUR_FAULT: &str = "could not compile `rust-clients`";

/// One program with all the others in it.
#[derive(Debug, Clone)]
pub struct RustClients {
    program: PathBuf,
}

impl RustClients {
    /// Builds it below the target folder; a [`Skip`] when the clients do not build, for want
    /// of a registry, of OpenSSL's headers or of a C compiler.
    ///
    /// # Errors
    /// When the clients do build and the program around them does not.
    pub async fn prepare(target: &Path) -> Result<Result<Self, Skip>> {
        println!("building the official Rust clients, which takes minutes the first time");
        let target = target.join("suites").join(PACKAGE);
        match build_apart(Path::new(FOLDER), PACKAGE, &target).await {
            Ok(program) => Ok(Ok(Self { program })),
            Err(why) if why.to_string().contains(OUR_FAULT) => Err(why),
            Err(why) => {
                let reason = format!("the clients cannot be built: {why}");
                Ok(Err(Skip::new(reason)))
            }
        }
    }

    /// The version of a package that was built in.
    ///
    /// # Errors
    /// When the lock file has no such package.
    pub fn version_of(&self, package: &str) -> Result<String> {
        let lock = std::fs::read_to_string(Path::new(FOLDER).join("Cargo.lock"))?;
        locked(&lock, package)
            .map(str::to_owned)
            .ok_or_else(|| format!("{package} is not in the lock file").into())
    }
}

impl Programs for RustClients {
    fn command<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).args(args);
        command
    }
}

fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next()?.strip_prefix("version = ")?;
    Some(version.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_tells_versions() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"1.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0\"\n";
        assert_eq!(locked(lock, "a"), Some("2.0"));
        assert_eq!(locked(lock, "b"), None);
    }
}
