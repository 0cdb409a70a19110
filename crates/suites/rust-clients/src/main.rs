//! Programs around the official Rust clients, for the suite `clients-rust`.
//!
//! ```text
//! rust-clients PROGRAM     JSON in, and as its last line {"calls": N, "result": ..}
//! ```

mod consumer_group; // a consumer group, call by call
mod cursors; // positions of a shard
mod groups; // log groups as JSON
mod index; // an index, made, read, changed and deleted
mod producer; // logs through the producer
mod pull; // every shard to its end
mod put; // log groups, one request each
mod refusal; // one call that is refused
mod resources; // a project and a logstore, from making to deleting
mod search; // questions about logs
mod session; // the client from the environment, and the answer

use std::process::ExitCode;

use session::{Result, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rust-clients: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let mut session = Session::from_environment()?;
    let program = std::env::args().nth(1).unwrap_or_default();
    let result = match program.as_str() {
        "consumer-group" => consumer_group::run(&mut session).await,
        "cursors" => cursors::run(&mut session).await,
        "index" => index::run(&mut session).await,
        "producer" => producer::run(&mut session),
        "pull" => pull::run(&mut session).await,
        "put" => put::run(&mut session).await,
        "refusal" => refusal::run(&mut session).await,
        "resources" => resources::run(&mut session).await,
        "search" => search::run(&mut session).await,
        other => Err(format!("there is no program {other:?}").into()),
    }?;
    session.answer(&result);
    Ok(())
}
