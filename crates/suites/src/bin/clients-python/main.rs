//! The official Python client of the log service against the local server, and beside ours.

mod cursors; // positions and times of a shard
mod document; // the program of the user guide
mod exchange; // what one client puts, the other pulls
mod refusals; // errors arrive as the client's exceptions
mod resources; // projects and logstores made by Python
mod samples; // log groups that are hard to carry
mod world; // a server, its keys, and the interpreter

use std::process::ExitCode;
use std::time::Duration;

use suites::clients::python::Python;
use suites::clients::skip::Skip;
use suites::clients::table::Table;
use suites::clients::{Result, build, chain};
use tokio::time::timeout;

use world::World;

const SUITE: &str = "clients-python";
const PACKAGE: &str = "aliyun-log-python-sdk";

/// The longest check is a program with its own limit, and some calls around it.
const CHECK_LIMIT: Duration = Duration::from_secs(120);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(Ok(table)) => {
            println!("\n{table}");
            table.exit_code()
        }
        Ok(Err(skip)) => skip.announce(SUITE),
        Err(failure) => {
            eprintln!("{SUITE}: {}", chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Result<Table, Skip>> {
    let python = match Python::prepare(&build::target_dir()?).await {
        Ok(python) => python,
        Err(skip) => return Ok(Err(skip)),
    };
    let version = python.version_of(PACKAGE).await?;
    let server = build::build("sls-local").await?;
    let world = World::start(&python, &server).await?;
    let mut table = Table::new(SUITE, PACKAGE, &version);

    macro_rules! check {
        ($name:expr, $check:expr) => {
            let result = timeout(CHECK_LIMIT, $check).await;
            table.add(
                $name,
                result.unwrap_or_else(|_| Err("took too long".into())),
            );
        };
    }

    check!("guide: pull from begin", document::from_begin(&world));
    check!("guide: pull from end", document::from_end(&world));
    for method in exchange::METHODS {
        let name = format!("Python puts ({method}), Rust pulls");
        check!(name, exchange::from_python(&world, method));
    }
    check!(
        "Python puts by hash key, Rust pulls",
        exchange::routed_from_python(&world)
    );
    for (sender, receiver) in exchange::pairs() {
        let name = format!("Rust puts ({sender}), Python pulls ({receiver})");
        check!(name, exchange::from_rust(&world, &sender, receiver));
    }
    for access in [world.access(), world.access_v4(), world.access_by_address()] {
        let name = format!("round trip with {access}");
        check!(name, exchange::round_trip(&world, &access));
    }
    check!("project and logstore", resources::made_by_python(&world));
    check!("cursors and their times", cursors::agree(&world));
    for refusal in refusals::ALL {
        let name = format!("refused: {}", refusal.name);
        check!(name, refusal.arrives(&world));
    }
    check!("server ends on SIGTERM", world.stop());

    let world = World::start_with_keys(&python, &server).await?;
    for access in world.temporary_accesses() {
        let name = format!("round trip with {access}");
        check!(name, exchange::round_trip(&world, &access));
    }
    check!("server with keys ends on SIGTERM", world.stop());
    Ok(Ok(table))
}
