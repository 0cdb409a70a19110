//! A Python interpreter with pinned packages.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Result;
use super::program::Program;
use super::skip::Skip;
use super::world::Programs;

/// How long an installation may take: a slow mirror, and packages without a wheel.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// The programs of the suites and the lists of the packages they need.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// The lists of the packages of one environment, installed in this order.
#[derive(Debug, Clone, Copy)]
pub struct Packages(&'static [&'static str]);

impl Packages {
    /// The official clients; the first list builds what has no wheel of the others.
    pub const CLIENT: Self = Self(&[
        "requirements-build.txt",
        "requirements.txt",
        "requirements-cli.txt",
    ]);
    /// The tracker of GrowingIO, which shares no version of protobuf with the others.
    pub const TRACKER: Self = Self(&["requirements-tracker.txt"]);
    /// The engine that SPL's functions are compared with.
    pub const ENGINE: Self = Self(&["requirements-engine.txt"]);

    /// The lists in one text.
    fn read(self) -> Result<String> {
        let mut text = String::new();
        for list in self.0 {
            let path = Path::new(PROGRAMS).join(list);
            let read = fs::read_to_string(&path);
            text += &read.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(text)
    }
}

/// Written last, so that an environment without it is known to be half made.
const COMPLETE: &str = "complete";

/// An interpreter in an environment of its own, with the packages under test.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
    /// Where the packages put their programs.
    programs: PathBuf,
}

impl Python {
    /// Finds the environment below the target folder, or makes it.
    ///
    /// Its name holds a hash of the package lists and of the interpreter's version, so a
    /// change of either gives a new one.
    ///
    /// # Errors
    /// [`Skip`] when there is no Python, no `venv`, or no way to get the packages.
    pub async fn prepare(target: &Path, packages: Packages) -> Result<Self, Skip> {
        let (system, version) = find_interpreter().await?;
        let lists = packages
            .read()
            .map_err(|error| Skip::new(error.to_string()))?;
        let hash = fnv1a(format!("{version}\n{lists}").as_bytes());
        let dir = target
            .join("suites")
            .join(format!("python-venv-{hash:016x}"));
        let programs = dir.join(if cfg!(windows) { "Scripts" } else { "bin" });
        let python = Self {
            interpreter: programs.join("python"),
            programs,
        };
        if !dir.join(COMPLETE).exists() {
            println!("making a Python {version} environment with the pinned packages");
            python.install(system, &dir, packages).await?;
        }
        Ok(python)
    }

    async fn install(&self, system: &str, dir: &Path, packages: Packages) -> Result<(), Skip> {
        let failed = |what: &str, why: super::Failure| Skip::new(format!("{what}: {why}"));
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(|error| failed("old environment", error.into()))?;
        }
        let mut venv = Command::new(system);
        venv.args(["-m", "venv"]).arg(dir);
        install(venv)
            .await
            .map_err(|why| failed("no virtual environment", why))?;
        for list in packages.0 {
            let mut pip = self.interpreter();
            pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--retries", "2"])
                // What builds a wheel is pinned too, and so is taken from the environment.
                .args(["--no-build-isolation", "--requirement"])
                .arg(Path::new(PROGRAMS).join(list));
            install(pip)
                .await
                .map_err(|why| failed("packages cannot be had", why))?;
        }
        fs::write(dir.join(COMPLETE), "").map_err(|error| failed("environment", error.into()))
    }

    /// The version of an installed package.
    ///
    /// # Errors
    /// When the package is not there.
    pub async fn version_of(&self, package: &str) -> Result<String> {
        let mut command = self.interpreter();
        let code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))";
        command.args(["-c", code, package]);
        let printed = Program::new(command).run("").await?;
        Ok(printed.trim().to_owned())
    }

    /// A program that one of the packages brought along.
    pub fn packaged(&self, name: &str, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Command {
        let mut command = Self::undisturbed(&self.programs.join(name));
        command.args(args).env("PYTHONUTF8", "1");
        command
    }

    fn interpreter(&self) -> Command {
        Self::undisturbed(&self.interpreter)
    }

    fn undisturbed(program: &Path) -> Command {
        let mut command = Command::new(program);
        // They would mix another installation's packages with the pinned ones.
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    }
}

impl Programs for Python {
    fn command<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.interpreter();
        command
            .arg(Path::new(PROGRAMS).join(name))
            .args(args)
            // Lines arrive when they are printed, and in one encoding everywhere.
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONUTF8", "1")
            // The source tree stays as it is.
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

async fn install(command: Command) -> Result<()> {
    let program = Program::new(command).with_limit(INSTALL_LIMIT);
    program.run("").await.map(drop)
}

/// Name and version of the system's interpreter.
async fn find_interpreter() -> Result<(&'static str, String), Skip> {
    let mut failures = Vec::new();
    for name in ["python3", "python"] {
        let mut command = Command::new(name);
        let code = "import platform as p; print(p.python_implementation(), p.python_version())";
        command.args(["-c", code]);
        match Program::new(command).run("").await {
            Ok(printed) => return Ok((name, printed.trim().to_owned())),
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    Err(Skip::new(format!("no Python: {}", failures.join("\n"))))
}

/// The 64-bit Fowler-Noll-Vo hash: the standard library's may change between releases.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_package_is_pinned_to_one_version() {
        for packages in [Packages::CLIENT, Packages::TRACKER, Packages::ENGINE] {
            let lists = packages.read().unwrap();
            let packages = lists
                .lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'));
            for package in packages {
                assert!(package.contains("=="), "{package}");
            }
        }
    }
}
