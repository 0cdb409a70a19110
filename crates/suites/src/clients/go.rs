//! The programs around the official Go client.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Result;
use super::program::Program;
use super::skip::Skip;
use super::world::Programs;

/// A module of its own, with the client and all it needs in its sums.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/go-clients");
/// How long it may take to get the modules, and to build them on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// One program with all the others in it.
#[derive(Debug, Clone)]
pub struct GoClients {
    program: PathBuf,
}

impl GoClients {
    /// Builds it below the target folder, with modules and caches beside it; a [`Skip`] when
    /// there is no Go, or no way to get the modules.
    ///
    /// # Errors
    /// When all of that is there and the program does not build.
    pub async fn prepare(target: &Path) -> Result<Result<Self, Skip>> {
        let home = target.join("suites").join("go");
        let version = match run(&home, ["version"]).await {
            Ok(version) => version,
            Err(why) => return Ok(Err(Skip::new(format!("no Go: {why}")))),
        };
        println!("building the official Go client with {}", version.trim());
        if let Err(why) = run(&home, ["mod", "download"]).await {
            let reason = format!("the modules cannot be had: {why}");
            return Ok(Err(Skip::new(reason)));
        }
        let name = if cfg!(windows) {
            "go-clients.exe"
        } else {
            "go-clients"
        };
        let program = home.join(name);
        let path = program.to_string_lossy();
        run(&home, ["build", "-mod=readonly", "-o", &path, "."]).await?;
        Ok(Ok(Self { program }))
    }

    /// The version of a module that was built in.
    ///
    /// # Errors
    /// When the list of modules has no such one.
    pub fn version_of(&self, module: &str) -> Result<String> {
        let list = std::fs::read_to_string(Path::new(FOLDER).join("go.mod"))?;
        required(&list, module)
            .map(str::to_owned)
            .ok_or_else(|| format!("{module} is not in go.mod").into())
    }
}

impl Programs for GoClients {
    fn command<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).args(args);
        command
    }
}

async fn run<'a>(home: &Path, args: impl IntoIterator<Item = &'a str>) -> Result<String> {
    let mut command = Command::new("go");
    command
        .args(args)
        .current_dir(FOLDER)
        .env("GOMODCACHE", home.join("modules"))
        .env("GOCACHE", home.join("cache"))
        // What is fetched can be deleted again, and no other Go is fetched.
        .env("GOFLAGS", "-modcacherw -buildvcs=false")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0");
    Program::new(command).with_limit(LIMIT).run("").await
}

fn required<'a>(list: &'a str, module: &str) -> Option<&'a str> {
    let mut words = list.lines().map(str::split_whitespace);
    words.find_map(|mut words| {
        let mut name = words.next()?;
        if name == "require" {
            name = words.next()?;
        }
        (name == module).then(|| words.next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_modules_tells_versions() {
        let list = "module m\nrequire (\n\ta/b v1.2.3\n\tc v1 // indirect\n)\nrequire d v2\n";
        assert_eq!(required(list, "a/b"), Some("v1.2.3"));
        assert_eq!(required(list, "c"), Some("v1"));
        assert_eq!(required(list, "d"), Some("v2"));
        assert_eq!(required(list, "b"), None);
    }

    #[test]
    fn the_clients_version_is_in_the_module() {
        let clients = GoClients {
            program: PathBuf::new(),
        };
        let version = clients.version_of("github.com/aliyun/aliyun-log-go-sdk");
        assert!(version.is_ok_and(|version| version.starts_with('v')));
    }
}
