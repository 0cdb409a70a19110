//! The `sls-local` program: one server until it is told to stop.

mod args;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use args::{Command, Options};
use sls_core::credentials::{ENV_ACCESS_KEY_ID, ENV_ACCESS_KEY_SECRET, ENV_SECURITY_TOKEN};
use sls_local::{LocalServer, LocalServerBuilder};

/// How long requests in flight may take once the program is told to stop.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);
const BAD_USAGE: u8 = 2;
/// The exit code when a second signal cuts the shutdown short.
const INTERRUPTED: i32 = 1;

fn main() -> ExitCode {
    match args::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => print_out(args::HELP),
        Ok(Command::Version) => print_out(concat!("sls-local ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Serve(options)) => match run(options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("sls-local: {}", one_line(&*error));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("sls-local: {error} (--help tells more)");
            ExitCode::from(BAD_USAGE)
        }
    }
}

#[tokio::main]
async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    // Before anybody is told that the server is ready: from then on signals count.
    let mut signals = Signals::new()?;
    let own_key = !options.keys.is_empty();
    let no_auth = options.no_auth;
    let server = builder(options).start().await?;
    announce(&server, own_key, no_auth)?;
    signals.next().await;
    tokio::select! {
        _ = server.shutdown(SHUTDOWN_DEADLINE) => Ok(()),
        // Returning would wait for queries that are being run.
        () = signals.next() => std::process::exit(INTERRUPTED),
    }
}

fn builder(options: Options) -> LocalServerBuilder {
    let mut builder = LocalServer::builder()
        .listen(options.listen)
        .no_auth(options.no_auth)
        .growingio_strict(options.growingio_strict);
    for key in options.keys {
        builder = builder.access_key(key);
    }
    for host in &options.hosts {
        builder = builder.host(host);
    }
    if let Some(folder) = options.data {
        builder = builder.data(folder);
    }
    if let Some(bytes) = options.memory_limit {
        builder = builder.memory_limit(bytes);
    }
    match options.memory_budget {
        Some(bytes) => builder.memory_budget(bytes),
        None => builder,
    }
}

/// What programs wait for goes to stdout, what people read to stderr.
fn announce(server: &LocalServer, own_key: bool, no_auth: bool) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    if !server.addr().ip().is_loopback() {
        let addr = server.addr();
        writeln!(err, "warning: {addr} can be reached from other machines")?;
    }
    let key = server.credentials();
    writeln!(err, "export SLS_ENDPOINT={}", server.endpoint())?;
    if no_auth {
        writeln!(err, "# signatures are not looked at; any key will do")?;
    }
    writeln!(err, "export {ENV_ACCESS_KEY_ID}={}", key.access_key_id())?;
    if own_key {
        // What was given on the command line is known to who gave it, and to nobody else.
        writeln!(err, "export {ENV_ACCESS_KEY_SECRET}='your secret here'")?;
        if key.security_token().is_some() {
            writeln!(err, "export {ENV_SECURITY_TOKEN}='your token here'")?;
        }
    } else {
        let secret = key.access_key_secret();
        writeln!(err, "export {ENV_ACCESS_KEY_SECRET}={secret}")?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{}", server.addr())?;
    out.flush()
}

/// The signals that end the program: the first in order, the second at once.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Would end the program over a write that is too much for a file; the write fails anyway,
    /// and a put that fails is refused.
    _file_too_large: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let file_too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_too_large: signal(file_too_large)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that end the program: the first in order, the second at once.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a handler the system ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

fn print_out(text: &str) -> ExitCode {
    // A closed pipe means that nobody reads on, which is fine.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// The error and its causes, which `Display` leaves to the reporter.
fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
