//! Ships an access log to a log service and reads it back through SPL.
//!
//! Without arguments it needs nothing: it starts a server in this process, makes a project
//! and a logstore with two shards, ships the log that comes with the examples as signed and
//! compressed log groups, and pulls what matches a query, shard by shard.
//!
//! ```text
//! cargo run --release --example quickstart -- --help
//! ```

mod access_log;
mod options;
mod pull;
mod ship;
mod table;

use std::error::Error;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use sls_client::{Client, EnvCredentials, ErrorCode, LogstoreHandle, StaticCredentials};
use sls_core::model::LogstoreConfig;
use sls_local::LocalServer;

use options::Options;
use ship::Input;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            let shown = std::io::stdout().write_all(options::HELP.as_bytes());
            return if shown.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Err(error) => {
            eprintln!("quickstart: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough of it.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {}", in_one_line(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    let input = Input::open(options.input.as_deref())?;
    let (client, server) = match &options.endpoint {
        Some(endpoint) => {
            let credentials = EnvCredentials::load()?;
            let credentials = StaticCredentials::new(credentials);
            (
                Client::builder(endpoint.parse()?, credentials).build()?,
                None,
            )
        }
        None => {
            let server = LocalServer::builder().start().await?;
            let credentials = StaticCredentials::new(server.credentials());
            let endpoint = server.endpoint().parse()?;
            (
                Client::builder(endpoint, credentials).build()?,
                Some(server),
            )
        }
    };
    writeln!(out, "using {}", client.endpoint())?;

    let logstore = client.logstore(&options.project, &options.logstore);
    set_up(&client, &logstore).await?;
    // Taken before anything is shipped, so that only what this run ships is read.
    let cursors = pull::cursors_at_end(&logstore).await?;
    for (shard, cursor) in &cursors {
        writeln!(out, "{shard}, cursor {cursor}")?;
    }
    // There is nothing behind these cursors yet, but a query that cannot be read is refused
    // all the same, and better before anything is shipped.
    pull::try_query(&logstore, &cursors, &options.query).await?;

    let shipped = ship::ship(input, &logstore).await?;
    writeln!(
        out,
        "shipped {} lines in {} requests, {} of them as they were because they did not parse",
        shipped.lines, shipped.put_requests, shipped.unparsed
    )?;

    let query = &options.query;
    writeln!(out, "reading back: {query}\n")?;
    let pulled = pull::pull_until_caught_up(&logstore, cursors, query, shipped.lines).await?;
    writeln!(out, "{}", pulled.table)?;
    writeln!(
        out,
        "{} of {} rows matched, the first {} are shown; {} log groups were pulled",
        pulled.matched,
        pulled.scanned,
        pulled.table.len(),
        pulled.groups
    )?;

    if let Some(server) = server {
        server.shutdown(Duration::from_secs(5)).await;
    }
    if options.json {
        // Written by hand to keep the order in which the counts come about.
        writeln!(
            out,
            r#"{{"lines":{},"unparsed":{},"put_requests":{},"pulled_groups":{},"scanned_rows":{},"matched_rows":{}}}"#,
            shipped.lines,
            shipped.unparsed,
            shipped.put_requests,
            pulled.groups,
            pulled.scanned,
            pulled.matched
        )?;
    }
    Ok(())
}

/// Makes the project and the logstore, unless they are there.
///
/// Asks first: a key that may write to a logstore need not be allowed to make one.
async fn set_up(client: &Client, logstore: &LogstoreHandle) -> Result<(), sls_client::Error> {
    let missing = match logstore.get().await {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    match missing.code() {
        Some(ErrorCode::LogStoreNotExist) => {}
        Some(ErrorCode::ProjectNotExist) => {
            let project = client.project(logstore.project());
            project.create("made by the quickstart example").await?;
        }
        _ => return Err(missing),
    }
    let config = LogstoreConfig::named(logstore.name()).with_shard_count(2);
    logstore.create(config).await
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// An error and its causes, each fact once.
fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.replace(['\r', '\n'], " ")
}
