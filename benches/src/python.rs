//! GrowingIO's Python package, in an environment of its own and as a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::clock::Side;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
/// The same versions as the integration suites have.
const PACKAGES: &str = "../crates/suites/python/requirements-tracker.txt";

/// The interpreter of an environment that has the package; why not, where it cannot be had.
pub(crate) fn prepare() -> Result<PathBuf, String> {
    let folder = Path::new(FOLDER).join("target/python-tracker");
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
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .arg("--disable-pip-version-check")
        .arg("--requirement")
        .arg(Path::new(FOLDER).join(PACKAGES));
    run(&mut pip)?;
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

/// A process that builds and writes batches.
pub(crate) struct Peer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(interpreter: &Path, parser: &str) -> Self {
        let mut child = Command::new(interpreter)
            .arg(Path::new(FOLDER).join("python/track_batch.py"))
            .arg(parser)
            // The other implementation is not there for every interpreter.
            .env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            orders,
            answers,
        }
    }

    /// Seconds of processor time for so many batches, and the length of a body.
    pub(crate) fn batches(&mut self, times: u32) -> (f64, usize) {
        writeln!(self.orders, "{times}").expect("the process listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        let (seconds, length) = answer.trim().split_once(' ').expect("two numbers");
        let seconds = seconds.parse().expect("a number of seconds");
        (seconds, length.parse().expect("a length"))
    }
}

impl Side for Peer {
    fn run(&mut self, times: u32) -> f64 {
        self.batches(times).0
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
