//! A program that logs, and comes to its end in one of many ways: this program, started again.

use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use sls_core::Credentials;
use sls_logging::{Handler, HandlerGuard, PanicHook, SignalHook, SpoolConfig};
use tokio::time::Instant;
use tracing_subscriber::prelude::*;

use crate::world::PROJECT;

/// For what should take seconds.
const LONG: Duration = Duration::from_secs(120);

/// How a child ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// `main` returns.
    Exit,
    /// `main` panics.
    Panic,
    /// A panic that aborts the process, as with `panic = "abort"`.
    Abort,
    /// The last logs are made by values that are dropped while all else ends.
    Drop,
    /// It forks, and both go on to log and to return.
    Fork,
    /// `SIGTERM`.
    Signal,
}

impl End {
    pub(crate) const ALL: [Self; 6] = [
        Self::Exit,
        Self::Panic,
        Self::Abort,
        Self::Drop,
        Self::Fork,
        Self::Signal,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Panic => "panic",
            Self::Abort => "abort",
            Self::Drop => "drop",
            Self::Fork => "fork",
            Self::Signal => "signal",
        }
    }
}

/// What a child runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Plain threads.
    None,
    /// A current-thread runtime, which the handler is made and ended in.
    Current,
    /// A multi-thread runtime.
    Multi,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Current, Self::Multi];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Current => "current-thread",
            Self::Multi => "multi-thread",
        }
    }
}

/// What a child is to do.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) endpoint: String,
    pub(crate) logstore: String,
    pub(crate) kind: Kind,
    pub(crate) end: End,
    /// The numbers to log: from, and how many.
    pub(crate) first: u64,
    pub(crate) logs: u64,
    pub(crate) close_wait: Duration,
    /// How many processes to fork off, for [`End::Fork`].
    pub(crate) forks: u64,
    /// Where records are kept that are not delivered.
    pub(crate) spool: Option<PathBuf>,
    /// For [`End::Exit`]: runs on until so many records are delivered, those of others included.
    pub(crate) until_delivered: u64,
}

impl Task {
    /// Starts this program as such a child, its output on a pipe.
    pub(crate) fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--child", self.end.name()])
            .args(["--runtime", self.kind.name()])
            .args(["--endpoint", &self.endpoint])
            .args(["--logstore", &self.logstore])
            .args(["--first", &self.first.to_string()])
            .args(["--logs", &self.logs.to_string()])
            .args(["--forks", &self.forks.to_string()])
            .args(["--until-delivered", &self.until_delivered.to_string()])
            .args(["--close-wait-ms", &self.close_wait.as_millis().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(root) = &self.spool {
            command.arg("--spool").arg(root);
        }
        command.spawn()
    }

    /// Reads what [`spawn`](Self::spawn) wrote, behind `--child`.
    pub(crate) fn parse(end: &str, parser: &mut Parser) -> Result<Self, lexopt::Error> {
        let end = End::ALL.into_iter().find(|known| known.name() == end);
        let mut task = Self {
            endpoint: String::new(),
            logstore: String::new(),
            kind: Kind::None,
            end: end.ok_or("no such end")?,
            first: 0,
            logs: 0,
            close_wait: Duration::from_secs(5),
            forks: 1,
            spool: None,
            until_delivered: 0,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("endpoint") => task.endpoint = parser.value()?.string()?,
                Arg::Long("logstore") => task.logstore = parser.value()?.string()?,
                Arg::Long("runtime") => {
                    let name = parser.value()?.string()?;
                    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
                    task.kind = kind.ok_or("no such runtime")?;
                }
                Arg::Long("first") => task.first = parser.value()?.parse()?,
                Arg::Long("logs") => task.logs = parser.value()?.parse()?,
                Arg::Long("forks") => task.forks = parser.value()?.parse()?,
                Arg::Long("close-wait-ms") => {
                    task.close_wait = Duration::from_millis(parser.value()?.parse()?);
                }
                Arg::Long("until-delivered") => task.until_delivered = parser.value()?.parse()?,
                Arg::Long("spool") => task.spool = Some(parser.value()?.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(task)
    }

    /// Is that child.
    pub(crate) fn run(self) {
        match self.kind {
            Kind::None => self.log_and_end(),
            Kind::Current => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(async { self.log_and_end() });
            }
            Kind::Multi => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let end = runtime.spawn(async { self.log_and_end() });
                // A panic of the task is one of the program.
                if let Err(error) = runtime.block_on(end) {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }

    fn log_and_end(self) {
        let (handler, guard) = self.handler();
        tracing_subscriber::registry().with(handler.layer()).init();
        let half = self.logs / 2;
        self.log(0..half);
        match self.end {
            End::Exit => {
                self.log(half..self.logs);
                let begun = Instant::now();
                while handler.stats().queue.delivered < self.until_delivered
                    && begun.elapsed() < LONG
                {
                    std::thread::park_timeout(Duration::from_millis(10));
                }
            }
            End::Panic => {
                PanicHook::new().install(&handler);
                self.log(half..self.logs);
                panic!("on purpose");
            }
            End::Abort => {
                std::panic::set_hook(Box::new(|_| process::abort()));
                PanicHook::new()
                    .with_flush(self.close_wait)
                    .install(&handler);
                self.log(half..self.logs);
                panic!("on purpose");
            }
            End::Drop => {
                // What is dropped last is the guard.
                let _guard = guard;
                let _late = LogsWhenDropped(self.clone(), half..self.logs - 1);
                // A thread that ends has its own last words.
                let last = LogsWhenDropped(self.clone(), self.logs - 1..self.logs);
                let thread = std::thread::spawn(|| {
                    LAST_WORDS.with(|words| words.replace(Some(last)));
                });
                let _ = thread.join();
                return;
            }
            End::Fork => return self.fork(handler, guard),
            End::Signal => {
                let listening = SignalHook::new().install(&handler).expect("signals");
                self.log(half..self.logs);
                println!("ready");
                let _ = io::stdout().flush();
                // The end comes from outside.
                loop {
                    std::thread::park();
                    let _ = &listening;
                }
            }
        }
        let report = guard.close(self.close_wait);
        println!(
            "delivered={} spooled={} dropped={}",
            report.total.delivered,
            report.spooled,
            report.total.dropped.total()
        );
    }

    fn handler(&self) -> (Handler, HandlerGuard) {
        let mut builder = Handler::builder()
            .endpoint(&self.endpoint)
            .credentials(Credentials::new("local", "local-secret"))
            .project(PROJECT)
            .logstore(&self.logstore)
            .close_wait(self.close_wait);
        if let Some(root) = &self.spool {
            builder = builder.spool(root, SpoolConfig::default());
        }
        builder.build().expect("the settings are right")
    }

    fn log(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            tracing::info!(n = self.first + number, "log of a child");
        }
    }

    /// Forks a few times; every process logs and ends on its own.
    fn fork(self, handler: Handler, guard: HandlerGuard) {
        let half = self.logs / 2;
        let mut children = Vec::new();
        for index in 1..=self.forks {
            match fork::fork() {
                Ok(fork::Fork::Child) => {
                    let child = Self {
                        first: self.first + index * self.logs,
                        ..self.clone()
                    };
                    child.log(0..self.logs);
                    let report = guard.close(self.close_wait);
                    let good = report.delivered == self.logs;
                    // What else is on the parent's stack is not the child's to end.
                    process::exit(i32::from(!good));
                }
                Ok(fork::Fork::Parent(id)) => children.push(id),
                Err(error) => panic!("fork: {error}"),
            }
        }
        self.log(half..self.logs);
        let mut failed = 0;
        for id in children {
            match fork::waitpid(id) {
                Ok(0) => {}
                _ => failed += 1,
            }
        }
        println!("{failed} children failed");
        drop((handler, guard));
    }
}

thread_local! {
    static LAST_WORDS: RefCell<Option<LogsWhenDropped>> = const { RefCell::new(None) };
}

/// Logs numbers when it is dropped.
struct LogsWhenDropped(Task, std::ops::Range<u64>);

impl Drop for LogsWhenDropped {
    fn drop(&mut self) {
        self.0.log(self.1.clone());
    }
}

/// The next line that a child writes.
pub(crate) fn read_line(child: &mut Child) -> io::Result<String> {
    let mut line = Vec::new();
    let Some(output) = &mut child.stdout else {
        return Ok(String::new());
    };
    let mut byte = [0];
    // Byte by byte, so that what comes after is left for the next reader.
    while output.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Waits for a child's end; how it ended, and what it wrote.
pub(crate) fn wait_for(child: Child) -> io::Result<(ExitStatus, String)> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status, text))
}
