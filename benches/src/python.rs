//! Python packages that are peers, each in an environment and a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clock::Side;
use crate::conversation::Conversation;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// A peer and what it needs, at the same versions as the integration suites have.
pub(crate) struct Package {
    environment: &'static str,
    lists: &'static [&'static str],
}

/// GrowingIO's tracker.
pub(crate) const TRACKER: Package = Package {
    environment: "python-tracker",
    lists: &["requirements-tracker.txt"],
};

/// The service's client, with its log handler.
pub(crate) const LOG_CLIENT: Package = Package {
    environment: "python-log",
    lists: &["requirements-build.txt", "requirements.txt"],
};

/// The interpreter of an environment that has the package; why not, where it cannot be had.
pub(crate) fn prepare(package: &Package) -> Result<PathBuf, String> {
    let folder = Path::new(FOLDER).join("target").join(package.environment);
    let interpreter = folder.join(if cfg!(windows) {
        "Scripts/python"
    } else {
        "bin/python"
    });
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(interpreter);
    }
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv", "--clear"]).arg(&folder))?;
    for list in package.lists {
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
            .args(["--disable-pip-version-check", "--no-build-isolation"])
            .arg("--requirement")
            .arg(Path::new(FOLDER).join("../crates/suites/python").join(list));
        run(&mut pip)?;
    }
    std::fs::write(&complete, "").map_err(|error| error.to_string())?;
    Ok(interpreter)
}

fn run(command: &mut Command) -> Result<(), String> {
    let told = format!("{:?}", command.get_program());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{told} ended with {status}")),
        Err(error) => Err(format!("{told}: {error}")),
    }
}

/// One of the programs in the folder `python`, running.
pub(crate) fn start(interpreter: &Path, program: &str, args: &[&str]) -> Conversation {
    let mut command = Command::new(interpreter);
    command
        .arg(Path::new(FOLDER).join("python").join(program))
        .args(args);
    Conversation::with(
        // The other implementation is not there for every interpreter.
        command.env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python"),
    )
}

/// A process that builds and writes batches.
pub(crate) struct Tracker(Conversation);

impl Tracker {
    pub(crate) fn start(interpreter: &Path, parser: &str) -> Self {
        Self(start(interpreter, "track_batch.py", &[parser]))
    }

    /// Seconds of processor time for so many batches, and the length of a body.
    pub(crate) fn batches(&mut self, times: u32) -> (f64, usize) {
        let [seconds, length] = self.0.numbers(&times.to_string());
        (seconds, length as usize)
    }
}

impl Side for Tracker {
    fn run(&mut self, times: u32) -> f64 {
        self.batches(times).0
    }
}
